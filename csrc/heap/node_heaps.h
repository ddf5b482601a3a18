// Contract: the heaps, one for each NUMA node that threads take memory on. What was freed on a node
// is not handed out on another one. Where there is one node there is one heap.
//
// The heaps leave it to the system on which node a fresh page is: as a rule on that of the thread
// that asked for it, because that touches it first.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>

#include "base/clock.h"
#include "heap/page_heap.h"
#include "heap/slab_lists.h"

namespace zerofill::heap {

struct NodeHeap {
  static constexpr int kNoNode = -1;

  explicit NodeHeap(int its_node = kNoNode) noexcept : node(its_node), pages(this), slabs(&pages) {}

  std::atomic<int> node;  ///< until the first one has memory taken, it has none
  std::atomic<NodeHeap*> next{nullptr};
  std::mutex mutex;  ///< guards all below
  PageHeap pages;
  SlabLists slabs;
  bool ages = false;  ///< whether step() is called until nothing is idle
  Clock::time_point last_tick;
  Clock::time_point next_try;  ///< to start the thread that calls it, where that failed
};

namespace node_heaps {

/// The first of a list, which others are added to and none is removed from.
NodeHeap* first() noexcept;

/// Null after the last one.
inline NodeHeap* next_of(const NodeHeap* heap) noexcept {
  return heap->next.load(std::memory_order_acquire);
}

template <typename Function>
void for_each(Function function) noexcept {
  for (NodeHeap* heap = first(); heap != nullptr; heap = next_of(heap)) function(heap);
}

/// The heap that the calling thread takes memory from: that of the node it runs on, or one that its
/// memory policy names. If it is not the last one, the thread's cache is emptied. pre: no lock is
/// held.
NodeHeap* of_this_thread() noexcept;

// As of_this_thread() found them.
extern std::atomic<bool> are_several;
extern std::atomic<std::size_t> count;

/// Whether of_this_thread() returned it last.
bool is_last_of_this_thread(const NodeHeap* heap) noexcept;

/// Whether the thread may cache memory of it.
inline bool may_be_cached(const NodeHeap* heap) noexcept {
  return !are_several.load(std::memory_order_relaxed) || is_last_of_this_thread(heap);
}

/// Calls of_this_thread() now and then.
void look_for_move() noexcept;

/// Call it before memory is taken from the thread's cache, which is full of another node's if the
/// thread has moved, and where memory may not be cached.
inline void notice_moves() noexcept {
  if (are_several.load(std::memory_order_relaxed)) look_for_move();
}

/// Purges its free pages if they exceed the limit. pre: no lock is held.
void apply_limit(NodeHeap* heap) noexcept;

/// A heap's part of what all may keep.
inline std::size_t share_of(std::size_t bytes) noexcept {
  return bytes / count.load(std::memory_order_relaxed);
}

/// For who has put something back. Without a thread (RLIMIT_NPROC) it does a step itself.
void see_to_ageing(NodeHeap* heap, Lock& lock) noexcept;

// For alloc/fork.cpp. No heap is added in between.
void lock_before_fork() noexcept;
void unlock_in_parent() noexcept;
void unlock_in_child() noexcept;

}  // namespace node_heaps
}  // namespace zerofill::heap
