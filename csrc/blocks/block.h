// Blocks of pages, and what is known of their bytes.
//
// The knowledge travels with the block, so getting zeros means doing only what a block still lacks.
#pragma once

#include <cstddef>
#include <utility>

#include "base/units.h"
#include "os/nodes.h"
#include "os/shared.h"

namespace zerofill::blocks {

/// What the bytes of a block are. In this project a block whose bytes are known to be zero is
/// called clean, and one whose bytes may be anything is called dirty. jemalloc uses these words for
/// whether the pages are resident, which is a Residency here.
enum class Content { zero, unknown };

/// Which pages of a block are resident.
enum class Residency {
  none,
  some,
  all,
  unknown,  ///< it is found out when the block is freed
};

/// Larger blocks start at a multiple of this many bytes, so no other block starts in such a unit.
constexpr std::size_t kBlockUnit = kHugePageUnit;

struct Slab;

/// What is known of a block. Copying this copies the knowledge, not the pages.
struct Block {
  std::byte* address = nullptr;  ///< of the first page; null: there is no block
  std::size_t bytes = 0;         ///< a multiple of the page size
  std::size_t colour = 0;        ///< where payloads start, by mapping.h's next_colour()
  Content content = Content::unknown;
  Residency residency = Residency::none;
  unsigned fork_epoch = 0;  ///< the last one in which its pages were known to be this process's own
  Slab* slab = nullptr;     ///< that it is a part of; null when it is a mapping of its own
  bool lazily_freed = false;  ///< while it was pooled: the system may have taken pages
  bool huge_pages = false;    ///< the system was asked for huge pages, and it has some
  os::SharedHandle shared = os::kNoSharedHandle;  ///< where other processes can have it too
  os::Placement placement = os::kUnplaced;        ///< of its pages, over NUMA nodes

  bool is_shared() const noexcept { return shared != os::kNoSharedHandle; }
};

/// Returns the pages of a block to the system.
void purge(const Block& block) noexcept;

/// The only owner of a block's pages, which it returns to the system when it is destroyed.
class OwnedBlock {
 public:
  OwnedBlock() = default;
  explicit OwnedBlock(const Block& block) noexcept : block_(block) {}
  OwnedBlock(OwnedBlock&& other) noexcept : block_(other.release()) {}
  OwnedBlock& operator=(OwnedBlock&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~OwnedBlock() {
    if (block_.address != nullptr) purge(block_);
  }

  Block* operator->() noexcept { return &block_; }
  const Block* operator->() const noexcept { return &block_; }
  Block& operator*() noexcept { return block_; }
  const Block& operator*() const noexcept { return block_; }

  /// Lets go of the pages without returning them to the system.
  Block release() noexcept { return std::exchange(block_, Block{}); }

 private:
  Block block_;
};

/// A block, and where in it the bytes of its user start.
struct PlacedBlock {
  OwnedBlock block;
  std::byte* payload;
};

}  // namespace zerofill::blocks
