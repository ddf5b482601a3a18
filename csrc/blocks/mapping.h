// Contract: blocks that are mappings of their own: made, resized and unmapped.
//
// Every function may be called from any thread.
#pragma once

#include <cstddef>

#include "blocks/block.h"

namespace zerofill::blocks {

enum class PageSize {
  huge,   ///< huge pages where the block holds one, the system has them and the options allow it
  small,  ///< no huge page, of which one touched byte makes 2 MiB resident; nothing is reserved
};

/// The size of a block for a payload of `bytes` that starts `colour` bytes from the first page.
/// Throws OutOfMemory when that overflows.
std::size_t block_bytes(std::size_t bytes, std::size_t colour);

/// A block of fresh pages for a payload of `bytes`, which starts at the block's colour and is
/// aligned if `colour` is a multiple of `alignment`. Throws OutOfMemory.
OwnedBlock map_block(std::size_t bytes, std::size_t alignment, std::size_t colour, PageSize pages,
                     const os::Placement& placement = os::kUnplaced);

/// Has the fresh pages of a block put there.
void place_block(Block* block, const os::Placement& placement) noexcept;

/// Unmaps a block and counts its bytes.
void unmap_block(const Block& block) noexcept;

/// Makes a clean block that was freed lazily resident again, and keeps the system from taking its
/// pages. pre: block->content is zero. post: block->residency is all, its content still zero.
void keep_resident(Block* block) noexcept;

/// Makes a block shorter: its last pages are returned to the system. False when that cannot be
/// done, and then nothing was changed.
bool shrink_block(Block* block, std::size_t bytes) noexcept;

enum class Growth { done, possible_elsewhere, impossible };

/// Makes a block longer where it is, by fresh pages. Unless it is done, the block is as it was.
Growth grow_block(Block* block, std::size_t bytes) noexcept;

/// Moves the pages of a block to the start of a larger one of fresh pages, whose other pages stay
/// fresh. False when that cannot be done: then `from` is as it was.
/// post: `from` is empty.
bool move_block(OwnedBlock* from, OwnedBlock* to) noexcept;

/// Where the payload of the next fresh block should start, in bytes from its first page: another
/// place each time, a multiple of `alignment` and less than kMaxColour. This is the colouring of
/// slab allocators (Bonwick 1994) and jemalloc's cache_oblivious: arrays that all start alike
/// compete for the same cache sets when they are walked together (26 to 42 % slower with 16 to 32
/// arrays).
std::size_t next_colour(std::size_t alignment) noexcept;
constexpr std::size_t kMaxColour = 64 * KiB;

}  // namespace zerofill::blocks
