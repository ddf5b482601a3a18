// Free blocks by size class, and by what is known of them. A data structure: it takes no lock and
// calls nobody.
#pragma once

#include <cstddef>

#include "base/clock.h"
#include "blocks/block.h"
#include "blocks/size_class.h"

namespace zerofill::blocks {

/// A block that nobody uses.
struct FreeBlock {
  OwnedBlock block;
  Clock::time_point freed_at;
  bool worth_scrubbing = false;
  FreeBlock* newer = nullptr;
  FreeBlock* older = nullptr;
};

/// Which block serves a request best.
enum class ContentPreference {
  clean,       ///< a clean one, else a dirty one
  only_clean,  ///< a clean one or none
  dirty,       ///< a dirty one, because nobody needs its zeros; else a clean one
};

/// What a block must be to serve a request.
struct FitRequest {
  std::size_t bytes;
  std::size_t alignment;
  ContentPreference preference;
  bool shared = false;                      ///< whether other processes can have it too
  os::Placement placement = os::kUnplaced;  ///< of the block's pages
};

/// Where the payload of a request would start in a block. Null when it does not fit, and when the
/// block would waste more than an eighth of it.
std::byte* place_payload(const Block& block, const FitRequest& request) noexcept;

/// The same, however much of the block it would waste.
std::byte* place_in_larger(const Block& block, const FitRequest& request) noexcept;

class FreeLists {
 public:
  void push(FreeBlock* block) noexcept;
  void remove(FreeBlock* block) noexcept;

  /// The newest block that fits, because it is the warmest; null when there is none.
  FreeBlock* find(const FitRequest& request) const noexcept;

  /// The block that was freed first; null when there is none.
  FreeBlock* oldest() const noexcept;

  /// The newest dirty block that is worth scrubbing; null when there is none.
  FreeBlock* next_to_scrub() const noexcept;

  bool empty() const noexcept { return clean_bytes_ + dirty_bytes_ == 0; }
  std::size_t clean_bytes() const noexcept { return clean_bytes_; }
  std::size_t dirty_bytes() const noexcept { return dirty_bytes_; }

  /// Of blocks that other processes could have, each of which holds a handle.
  int shared_blocks() const noexcept { return shared_blocks_; }

  /// Of blocks that the system cannot take pages of.
  std::size_t held_bytes() const noexcept { return held_bytes_; }

 private:
  /// Blocks of one class whose content is alike, newest first.
  struct List {
    FreeBlock* newest = nullptr;
    FreeBlock* oldest = nullptr;
  };

  List& list_of(const Block& block) noexcept;
  std::size_t& bytes_of(const Block& block) noexcept;
  static FreeBlock* find_in(const List* lists, const FitRequest& request) noexcept;

  List clean_[kSizeClasses];
  List dirty_[kSizeClasses];
  std::size_t clean_bytes_ = 0;
  std::size_t dirty_bytes_ = 0;
  std::size_t held_bytes_ = 0;
  int shared_blocks_ = 0;
};

}  // namespace zerofill::blocks
