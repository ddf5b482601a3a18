// Contract: the pool of blocks that were freed and stay resident for reuse.
//
// How it works
// ------------
// The pool is made of six parts, each a class with one job:
//
//   FreeLists         which blocks there are, by size class and content. Only a data structure.
//   ReservedBlocks    those that were made ahead of time, which are cut up. Only a data structure.
//   Scrubber          zeroes dirty blocks that are likely to be wanted again.
//   Purger            returns blocks to the system, and lets others wait until they are there.
//   BackgroundThread  sleeps, and calls the pool when a step is due. It knows nothing of the pool.
//   Pool              joins them: what is pooled, what the limit is, what leaves when.
//
// A freed block is pushed onto the free lists with the time. From there it is taken for a request
// that it fits, or it leaves: evicted by a newer block that meets the limit (`pool_limit`), expired
// after `decay` seconds, or purged with all others by trim, before a fork, and when memory runs
// low. The background thread looks for what has expired, once a second for low memory, and scrubs
// when it has nothing else to do. It runs from the first freed block on, and goes to sleep for good
// once the pool has stayed empty for a second.
// Where no thread can be started (RLIMIT_NPROC), whoever uses the pool does these steps on the way,
// all but scrubbing.
//
// Idle memory is the system's to take
// -----------------------------------
// Nobody can be told in time that memory runs short: another library may ask for all that is left
// at once. So beyond a small part that is held (held_limit_bytes), the pages of a block are freed
// lazily as it is pooled (MADV_FREE). The kernel takes them when it needs them, and a page that was
// taken reads as zero. It then has to be made again, so who takes such a block for zeros looks for
// missing pages first, and they count like those of a fresh block.
// Nobody can take addresses, which RLIMIT_AS limits, so of those the pool keeps few.
//
// Locks
// -----
// One mutex guards all of it. It is never held over a system call that maps, unmaps or touches
// pages, nor while a block is zeroed: a block in work is on no list, so nobody else can take it.
// Hence no caller but trim_pool() ever waits for another one's pages. Two flags are atomic, because
// the scrubber reads them without the mutex between chunks: that the thread should stop, and that
// the block it works on was dropped.
//
// Who trims needs the memory, so trim_pool() returns when the pages are back: also those that
// another thread is unmapping just then, and the one that was being scrubbed. The background thread
// hands that one over, because with its low priority it could take long to get to it.
//
// Fork
// ----
// Free blocks would become copy-on-write, and the child has no background thread. So the pool is
// purged before a fork, the thread ends, and both sides start with an empty pool. The mutex is held
// over the fork; no thread can be started and nothing is pooled meanwhile. alloc/fork.cpp says what
// happens in which order.
//
// Every function may be called from any thread.
#pragma once

#include <cstddef>
#include <optional>

#include "blocks/background_thread.h"
#include "blocks/block.h"
#include "blocks/free_lists.h"

namespace zerofill::blocks {

/// A free block that fits.
std::optional<PlacedBlock> take_from_pool(const FitRequest& request) noexcept;

/// Pools a resident block, or returns it to the system where the limit leaves no room for it. Older
/// blocks make room first.
void put_into_pool(OwnedBlock block) noexcept;

/// Returns all pooled blocks to the system; returns how many bytes that was.
std::size_t trim_pool() noexcept;

/// Adds a block that was made ahead of time: ReservedBlocks says what it must be. It does not
/// expire, and does not count for the limit; all else that purges the pool purges it.
void put_reserved(OwnedBlock block) noexcept;

/// Has the background thread do a chore, as BackgroundThread does.
bool start_chore(BackgroundThread::Chore chore) noexcept;

/// Returns those blocks to the system that the options do not allow any more: call it when they
/// were changed.
void apply_options_to_pool() noexcept;

struct PoolSizes {
  std::size_t clean_bytes;
  std::size_t dirty_bytes;     ///< with those that are being scrubbed
  std::size_t reserved_bytes;  ///< made ahead of time; clean, but not counted there

  /// What the limit is about.
  std::size_t freed_bytes() const noexcept { return clean_bytes + dirty_bytes; }
  std::size_t bytes() const noexcept { return freed_bytes() + reserved_bytes; }
};

PoolSizes pool_sizes() noexcept;

// For alloc/fork.cpp.
void purge_pool_before_fork() noexcept;  // and pool nothing until afterwards
void lock_pool_before_fork() noexcept;   // after the same
void allow_pooling() noexcept;           // where there was no fork
void resume_pool_in_parent() noexcept;
void resume_pool_in_child() noexcept;

}  // namespace zerofill::blocks
