// Contract: the only door to memory for python/.
//
// Every function may be called from any thread, without the GIL.
#pragma once

#include <cstddef>

#include "base/align.h"
#include "memory/block.h"
#include "memory/budget.h"
#include "memory/counters.h"
#include "memory/errors.h"
#include "memory/fill.h"
#include "memory/options.h"
#include "memory/strided.h"

namespace zerofill::memory {

/// Up to here a block is not worth pages of its own: one allocation of the C library, made and
/// zeroed by the caller.
constexpr std::size_t kSmallBytes = 256 * KiB;

enum class Commit {
  eager,  ///< every page is resident on return
  lazy,   ///< untouched pages stay untouched
};

struct Request {
  std::size_t bytes;      ///< at least 1
  std::size_t alignment;  ///< a power of two
  Commit commit;
};

/// A block of at least that many bytes, all zero, whose address is so aligned. It belongs to the
/// caller until release(). Throws OutOfMemory, or Interrupted when the poll says so, and then
/// nothing has been taken.
Block acquire(const Request& request, const team::Poll& poll);

/// Takes back what acquire() gave. The bytes may hold anything.
void release(const Block& block) noexcept;

/// Gives all memory that is kept for reuse back to the system; returns how many bytes that was.
std::size_t trim() noexcept;

}  // namespace zerofill::memory
