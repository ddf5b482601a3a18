// Blocks that were made ahead of time, and are cut up as requests come. A data structure: it takes
// no lock and calls nobody.
#pragma once

#include <cstddef>
#include <optional>

#include "blocks/block.h"
#include "blocks/free_lists.h"

namespace zerofill::blocks {

class ReservedBlocks {
 public:
  /// pre: the block is a mapping of its own, starts at a kBlockUnit and consists of whole ones, is
  /// clean and resident. `record->freed_at` is not looked at.
  void push(FreeBlock* record) noexcept;

  /// The front of a block that is large enough. None where there is no such block.
  std::optional<PlacedBlock> cut(const FitRequest& request) noexcept;

  /// All blocks, in front of a chain that is linked by `older`.
  FreeBlock* pop_all(FreeBlock* chain) noexcept;

  bool empty() const noexcept { return bytes_ == 0; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  FreeBlock* first_ = nullptr;  ///< linked by `older`
  std::size_t bytes_ = 0;
};

}  // namespace zerofill::blocks
