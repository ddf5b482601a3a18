#include "alloc/fork.h"

#include <mutex>

#include "alloc/allocator.h"
#include "alloc/attachments.h"
#include "alloc/sending.h"
#include "base/immortal.h"
#include "blocks/budget.h"
#include "blocks/fork_epoch.h"
#include "blocks/pool.h"
#include "blocks/prefault.h"
#include "blocks/slabs.h"
#include "heap/heap.h"
#include "heap/node_heaps.h"
#include "os/fork.h"
#include "team/team.h"

// A fork copies all memory, but only the thread that forks. So before it, every thread of ours ends
// and every mutex of ours is taken: what they guard is whole then, in the child too. The order is
// from the top down, because the higher part uses the lower ones until it has stopped:
//
//   1. one fork at a time: a second thread that forks waits here;
//   2. what is being prefaulted, which is cancelled;
//   3. what is kept for messages to other processes, and of theirs: the child keeps nothing;
//   4. the pool: its thread ends and its blocks are purged, or they would become copy-on-write;
//   5. the heap, whose free pages are purged for the same reason;
//   6. the slabs;
//   7. the worker team: its threads end.
//
// Ending threads and purging can take tens of milliseconds, and Python forks with the GIL. So
// Python has that done shortly before, without the GIL (prepare_fork()), when no mutex may be held
// yet: who holds the GIL may need it. Steps 2, 4, 5 and 7 then find nothing left to do.
//
// Afterwards the mutexes are let go of in the opposite order. In the child those that other threads
// may have been waiting on are made anew, and what those threads had reserved is forgotten. A new
// fork epoch begins on both sides, because all pages are shared from here on.
//
// The page map and the counters need nothing: they are lock-free, and right at every moment.
// Neither do the thread caches, which have one owner each.
namespace zerofill::alloc {
namespace {

std::mutex fork_mutex;

void prepare() noexcept {
  fork_mutex.lock();
  blocks::cancel_prefaults_before_fork();
  blocks::purge_pool_before_fork();  // and ends its thread, which may wait for the next mutex
  lock_sending_before_fork();
  lock_attachments_before_fork();
  blocks::lock_pool_before_fork();
  heap::node_heaps::lock_before_fork();
  blocks::lock_slabs_before_fork();
  team::before_fork();
}

void resume_in_parent() noexcept {
  blocks::begin_fork_epoch();
  team::after_fork_in_parent();
  blocks::unlock_slabs_in_parent();
  heap::node_heaps::unlock_in_parent();
  blocks::resume_pool_in_parent();
  unlock_attachments_in_parent();
  unlock_sending_in_parent();
  blocks::allow_prefaults();
  fork_mutex.unlock();
}

void resume_in_child() noexcept {
  blocks::begin_fork_epoch();
  blocks::forget_reservations_in_child();
  team::after_fork_in_child();
  blocks::unlock_slabs_in_child();
  heap::node_heaps::unlock_in_child();
  blocks::resume_pool_in_child();
  unlock_attachments_in_child();
  unlock_sending_in_child();
  blocks::allow_prefaults_in_child();
  fork_mutex.unlock();
  remake_in_child(&fork_mutex);
}

}  // namespace

void prepare_fork() noexcept {
  const std::lock_guard<std::mutex> lock(fork_mutex);
  blocks::cancel_prefaults();  // one that begins now is cancelled once more
  blocks::purge_pool_before_fork();
  heap::trim();  // or its free pages would become copy-on-write
  trim_attachments();
  team::end_workers_before_fork();
}

void end_fork() noexcept {
  const std::lock_guard<std::mutex> lock(fork_mutex);
  team::allow_workers();
  blocks::allow_pooling();
}

int register_fork_handlers() noexcept {
  return os::on_fork(&prepare, &resume_in_parent, &resume_in_child);
}

}  // namespace zerofill::alloc
