// Contract: the only door to memory for python/.
//
// Every function may be called from any thread, without the GIL.
#pragma once

#include <cstddef>
#include <optional>

#include "base/align.h"
#include "memory/block.h"
#include "memory/budget.h"
#include "memory/counters.h"
#include "memory/errors.h"
#include "memory/options.h"
#include "memory/pool.h"
#include "memory/strided.h"

namespace zerofill::memory {

enum class Commit {
  eager,   ///< every page is resident on return
  lazy,    ///< untouched pages stay untouched
  on_use,  ///< the same, but most will be touched: as NumPy's own memory
};

/// Up to here a block is not worth pages of its own: one allocation of the C library, made and
/// zeroed by the caller. The C library reuses resident memory as cheaply as a pool would, but it
/// does not leave untouched what nobody touches, so lazy blocks soon get pages.
constexpr std::size_t small_bytes(Commit commit) noexcept {
  return commit == Commit::lazy ? 256 * KiB : 2 * MiB;
}

/// Whether that much memory, so aligned, is small.
constexpr bool is_small(std::size_t bytes, std::size_t alignment, Commit commit) noexcept {
  return alignment <= small_bytes(commit) && bytes <= small_bytes(commit) - alignment;
}

struct Request {
  std::size_t bytes;      ///< at least 1
  std::size_t alignment;  ///< a power of two
  Commit commit;
  Content content = Content::zero;
};

/// A block whose payload has that many bytes and is so aligned, all zero if that is asked for. It
/// belongs to the caller until release(). Throws OutOfMemory, or Interrupted when the poll says so,
/// and then nothing has been taken.
Block acquire(const Request& request, const team::Poll& poll);

/// Takes back what acquire() gave. The bytes may hold anything.
void release(Block block) noexcept;

/// Makes a block of pages shorter, to a payload of that many bytes. False when that cannot be done,
/// and then nothing was changed.
bool shrink(Block* block, std::size_t bytes) noexcept;

enum class Growth { done, possible_elsewhere, impossible };

/// Makes a block of pages longer where it is, to a payload of that many bytes of which the last are
/// fresh. Unless it is done, the block is as it was.
Growth grow(Block* block, std::size_t bytes) noexcept;

/// A place for the pages of a block that cannot grow where it is; nothing when there is none. It
/// belongs to the caller until move_into() or abandon().
std::optional<Block> place_to_grow(const Block& block, const Request& request) noexcept;

/// Moves the pages of a block there, with its content, which makes `place` a block like another and
/// ends the former. False when that cannot be done, and then the block is as it was, and the place
/// gone.
bool move_into(Block* place, const Block& block) noexcept;

/// Gives a place back that nothing was moved to.
void abandon(const Block& place) noexcept;

/// Reserves memory that somebody else will write to, and gives back what is kept for reuse where it
/// would not fit otherwise. Throws OutOfMemory when it does not fit even then.
void reserve(std::size_t bytes, std::optional<Reservation>* reservation);

/// Gives all memory that is kept for reuse back to the system; returns how many bytes that was.
std::size_t trim() noexcept;

}  // namespace zerofill::memory
