// Contract: blocks that were freed and are kept for reuse, with what is known of them.
//
// Every function may be called from any thread. None but trim_pool() waits while another thread
// zeroes, maps or unmaps a block. A keeper thread, started with the first kept block and the first
// after a fork, scrubs blocks in the background and gives idle ones back; with nothing kept it
// sleeps. The pool is given back before a fork of the process, and is never destroyed.
#pragma once

#include <cstddef>
#include <optional>

#include "memory/block.h"
#include "memory/shelves.h"

namespace zerofill::memory {

/// A kept block that fits, with its payload set. It is the caller's then, and counts as in use.
std::optional<Block> take_from_pool(const Wanted& wanted) noexcept;

/// Keeps a resident block that was in use, or gives it back to the system where the limit leaves no
/// room for it. Older blocks make room first.
void put_into_pool(const Block& block) noexcept;

/// Says that so much more is in use, or less, that did not come out of the pool or go into it. The
/// pool's default limit follows what was in use lately.
void count_in_use(std::ptrdiff_t bytes) noexcept;

/// Gives a block back to the system and counts its bytes.
void unmap_block(const Block& block) noexcept;

/// Gives all kept blocks back to the system; returns how many bytes that was.
std::size_t trim_pool() noexcept;

struct PoolSizes {
  std::size_t clean_bytes;
  std::size_t dirty_bytes;  ///< those being scrubbed counted

  std::size_t bytes() const noexcept { return clean_bytes + dirty_bytes; }
};

PoolSizes pool_sizes() noexcept;

}  // namespace zerofill::memory
