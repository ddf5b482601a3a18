// Contract: the door to memory. All of csrc/ above this folder gets its blocks here.
//
// Every function may be called from any thread, without the GIL.
#pragma once

#include <cstddef>

#include "alloc/allocation.h"
#include "alloc/placement.h"
#include "base/counters.h"
#include "base/units.h"
#include "blocks/block.h"
#include "blocks/budget.h"
#include "team/team.h"

namespace zerofill::alloc {

enum class Commit {
  eager,       ///< every page is resident on return
  lazy,        ///< a page becomes resident when it is touched
  background,  ///< fresh pages are made by threads while the caller begins to use the memory; there
               ///< is room for all of them, and what is not fresh is zeroed before, as for eager
};

/// How much of a lazy block its owner is expected to touch.
enum class Touch {
  sparse,  ///< little: pages must not become resident for nothing
  dense,   ///< most of it, as NumPy's own arrays are used
};

struct Request {
  std::size_t bytes;      ///< at least 1
  std::size_t alignment;  ///< a power of two
  Commit commit;
  Touch touch = Touch::sparse;
  blocks::Content content = blocks::Content::zero;
  bool shared = false;                      ///< whether other processes can have it too
  int where = kPlacedByOption;              ///< as placement_of() takes it
  os::Placement placement = os::kUnplaced;  ///< acquire() finds it, from `where`
};

/// Up to here memory is not worth a block: the caller takes it from the heap, which reuses resident
/// memory, and zeroes it. Sparse memory, of which nothing may be touched, gets a block sooner.
constexpr std::size_t small_bytes(Commit commit, Touch touch) noexcept {
  return commit == Commit::lazy && touch == Touch::sparse ? 256 * KiB : kHugePageUnit;
}

/// Whether the memory for a request is small. That for other nodes than the option says never is.
inline bool is_small(const Request& request) noexcept {
  const std::size_t most = small_bytes(request.commit, request.touch);
  return !request.shared && !is_elsewhere(request.where) && request.alignment <= most &&
         request.bytes <= most - request.alignment;
}

/// Memory of that size and alignment, all zero if that is asked for. Throws OutOfMemory, or
/// Interrupted when the poll says stop, and then nothing has been taken.
Allocation acquire(const Request& request, const team::Poll& poll);

/// Shared memory of another process, which stays that one's too.
struct Received {
  os::SharedHandle handle;  ///< taken over
  std::size_t bytes;
  std::size_t alignment;
  blocks::Ticket ticket;
  bool writable;
};

/// Throws OutOfMemory. Without memory where the handle is not for what was sent.
Allocation receive(const Received& received);

/// The same where this process has it mapped still, and then needs no handle. Without memory where
/// it has not.
Allocation receive_from_kept(const Received& received) noexcept;

/// Changes the size of memory to that of a request, without copying a byte. False when that cannot
/// be done, and then the memory is as it was. What it gains may hold anything.
///
/// Its pages may have to move. `may_move_to` is asked before that, with the new address, and may
/// say no. It is the last chance to do so, because mremap(2) cannot be undone.
bool resize(Allocation* allocation, const Request& request,
            bool (*may_move_to)(const std::byte* data)) noexcept;

/// Reserves memory that somebody else will write to, and trims the pool where it would not fit
/// otherwise. Throws OutOfMemory when it does not fit even then.
blocks::Reservation reserve_budget(std::size_t bytes);

/// Whether lazy memory of that size could be had now: the system may refuse the addresses too.
bool is_lazy_possible(std::size_t bytes) noexcept;

/// Returns all memory that is pooled to the system, and the free memory of the heaps, ours and the
/// C library's; returns how many bytes of ours that was.
std::size_t trim() noexcept;

/// Returns what is pooled beyond the options to the system: call it when they were changed.
void apply_options() noexcept;

/// Does now what takes long before a fork: ends the threads and purges the pool, and nothing is
/// pooled and no thread started until after the next fork. Who forks with the GIL calls it before,
/// without the GIL. If there is no fork, end_fork() must be called.
void prepare_fork() noexcept;
void end_fork() noexcept;

struct Stats {
  std::size_t pooled_clean_bytes;
  std::size_t pooled_dirty_bytes;  ///< with those that are being scrubbed
  std::size_t reserved_bytes;      ///< made ahead of time
  std::size_t sent_bytes;          ///< kept until other processes have received it
  std::size_t heap_used_bytes;     ///< pages of small memory, by heap.h's sizes()
  std::size_t heap_idle_bytes;
  const Counters& counters;
};

Stats stats() noexcept;

}  // namespace zerofill::alloc
