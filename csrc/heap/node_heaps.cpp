#include "heap/node_heaps.h"

#include <algorithm>
#include <new>

#include "base/immortal.h"
#include "base/options.h"
#include "blocks/budget.h"
#include "blocks/pool.h"
#include "heap/thread_cache.h"
#include "os/nodes.h"

namespace zerofill::heap::node_heaps {

std::atomic<bool> are_several{false};
std::atomic<std::size_t> count{1};

namespace {

Immortal<NodeHeap> the_first;

/// What of_this_thread() returned last; null: nothing yet.
thread_local NodeHeap* last_heap = nullptr;

NodeHeap* find(int node) noexcept {
  NodeHeap* heap = first();
  while (heap != nullptr && heap->node.load(std::memory_order_relaxed) != node) {
    heap = next_of(heap);
  }
  return heap;
}

NodeHeap* add(int node) noexcept {
  const Lock lock(first()->mutex);  // for who forks has it
  NodeHeap* heap = find(node);
  if (heap != nullptr) return heap;
  if (first()->node.load(std::memory_order_relaxed) == NodeHeap::kNoNode) {
    first()->node.store(node, std::memory_order_relaxed);
    return first();
  }
  heap = new (std::nothrow) NodeHeap(node);
  if (heap == nullptr) return first();
  NodeHeap* last = first();
  while (next_of(last) != nullptr) last = next_of(last);
  last->next.store(heap, std::memory_order_release);
  count.fetch_add(1, std::memory_order_relaxed);
  return heap;
}

// Ageing ----------

/// Does what is due by now; returns when that is again.
Clock::time_point step(NodeHeap* heap, bool is_low) noexcept {
  constexpr Clock::duration kPollInterval = std::chrono::seconds(1);
  Lock lock(heap->mutex);
  PageHeap& pages = heap->pages;
  const Clock::time_point now = Clock::now();
  const Clock::duration tick = std::max<Clock::duration>(decay_time() / PageHeap::kTicksOfDecay,
                                                         std::chrono::milliseconds(1));
  if (is_low || now - heap->last_tick >= tick) {
    heap->last_tick = now;
    pages.grow_older();
    pages.purge(is_low ? 0 : PageHeap::kOld, lock);
  }
  heap->ages = pages.idle_bytes() != 0;
  if (!heap->ages) return blocks::BackgroundThread::kWhenWoken;
  return std::min(heap->last_tick + tick, now + kPollInterval);
}

/// The background thread calls it.
Clock::time_point step_all() noexcept {
  const bool is_low = blocks::is_memory_low();
  Clock::time_point due = blocks::BackgroundThread::kWhenWoken;
  for_each([&](NodeHeap* heap) { due = std::min(due, step(heap, is_low)); });
  return due;
}

}  // namespace

NodeHeap* first() noexcept { return the_first.operator->(); }

NodeHeap* of_this_thread() noexcept {
  if (!os::has_several_nodes()) return first();
  if (!are_several.load(std::memory_order_relaxed)) {
    are_several.store(true, std::memory_order_relaxed);
  }
  const int node = os::node_of_this_thread();
  NodeHeap* heap = find(node);
  if (heap == nullptr) {
    heap = add(node);
    for_each(&apply_limit);  // each has a smaller share now
  }
  if (heap != last_heap) thread_cache::clear();
  last_heap = heap;
  return heap;
}

void look_for_move() noexcept {
  constexpr unsigned kPeriod = 64;  // two system calls for so many small arrays
  thread_local unsigned calls = 0;
  if (++calls % kPeriod == 0 || last_heap == nullptr) (void)of_this_thread();
}

bool is_last_of_this_thread(const NodeHeap* heap) noexcept { return heap == last_heap; }

void apply_limit(NodeHeap* heap) noexcept {
  Lock lock(heap->mutex);
  heap->pages.apply_limit(lock);
}

void see_to_ageing(NodeHeap* heap, Lock& lock) noexcept {
  constexpr Clock::duration kPatience = std::chrono::milliseconds(100);
  if (heap->ages || heap->pages.idle_bytes() == 0) return;
  const bool failed_before = heap->next_try != Clock::time_point{};
  if (failed_before && Clock::now() < heap->next_try) return;
  heap->ages = true;
  lock.unlock();
  const bool starts = blocks::start_chore(&step_all);
  if (!starts) (void)step(heap, blocks::is_memory_low());
  lock.lock();
  heap->next_try = starts ? Clock::time_point{} : Clock::now() + kPatience;
  if (!starts) heap->ages = false;
}

void lock_before_fork() noexcept {
  for_each([](NodeHeap* heap) {
    Lock lock(heap->mutex);
    heap->pages.purge(0, lock);
    heap->pages.wait_until_settled(lock);
    heap->ages = false;  // the thread has ended
    lock.release();      // until the fork is over
  });
}

void unlock_in_parent() noexcept {
  for (NodeHeap* heap = next_of(first()); heap != nullptr; heap = next_of(heap)) {
    heap->mutex.unlock();
  }
  first()->mutex.unlock();  // last: others may be added from then on
}

void unlock_in_child() noexcept {
  unlock_in_parent();
  for_each([](NodeHeap* heap) {
    remake_in_child(&heap->mutex);
    heap->pages.remake_in_child();
  });
}

}  // namespace zerofill::heap::node_heaps
