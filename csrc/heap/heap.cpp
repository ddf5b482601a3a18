// The design is told in heap.h and page_heap.h.
#include "heap/heap.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/align.h"
#include "base/poison.h"
#include "blocks/pool.h"
#include "heap/c_library.h"
#include "heap/node_heaps.h"
#include "heap/page_heap.h"
#include "heap/page_map.h"
#include "heap/run_layout.h"
#include "heap/size_classes.h"
#include "heap/slab_lists.h"
#include "heap/thread_cache.h"

namespace zerofill::heap {
namespace {

// Slots ----------

/// Of slots that a thread cache has no room for, with their memory poisoned or not.
[[gnu::noinline]] void flush(int size_class, void* const* slots, int count) noexcept {
  int done = 0;
  while (done < count) {
    NodeHeap* heap = page_map::find(slots[done]).segment->heap;
    Lock lock(heap->mutex);
    for (; done < count; ++done) {
      Segment* segment = page_map::find(slots[done]).segment;
      if (segment->heap != heap) break;
      poison(static_cast<std::byte*>(slots[done]), slot_bytes(size_class));
      heap->slabs.put(segment->owner_of(slots[done]).slab(), slots[done], lock);
    }
    node_heaps::see_to_ageing(heap, lock);
  }
}

void free_run_at(void* memory) noexcept;

constexpr thread_cache::Owner kOwner{&flush, &free_run_at};

/// Takes a few at once, and caches all but the one that it returns.
[[gnu::noinline]] void* take_slots(int size_class) noexcept {
  constexpr int kMost = 8;
  void* slots[kMost];
  const int wanted = std::min(kMost, (thread_cache::capacity(size_class) + 1) / 2);
  NodeHeap* heap = node_heaps::of_this_thread();
  Lock lock(heap->mutex);
  const int taken = heap->slabs.take(size_class, slots, wanted, lock);
  lock.unlock();
  // In this order the next ones come with rising addresses.
  for (int i = taken; i-- > 1;) {
    if (!thread_cache::push(size_class, slots[i], kOwner)) flush(size_class, slots + i, 1);
  }
  return taken != 0 ? slots[0] : nullptr;
}

void* allocate_slot(std::size_t bytes) noexcept {
  const int size_class = class_of(bytes);
  void* slot = thread_cache::pop(size_class);
  return slot != nullptr ? slot : take_slots(size_class);
}

/// The slot that memory lies in. pre: a slab has its page.
[[gnu::noinline]] std::byte* slot_of(PageOwner owner, void* memory) noexcept {
  auto* start = static_cast<std::byte*>(memory);
  const auto offset = static_cast<std::size_t>(start - owner.slab()->run.start());
  return start - offset % slot_bytes(owner.size_class());
}

// Runs of pages ----------

[[gnu::noinline]] std::byte* allocate_run(NodeHeap* heap, std::size_t bytes, std::size_t alignment,
                                          bool* is_zero) noexcept {
  const std::size_t slack = std::max(alignment, kPageBytes) - kPageBytes;
  Lock lock(heap->mutex);
  const Run run = heap->pages.take(pages_for(bytes + slack), lock);
  if (run.segment == nullptr) return nullptr;
  std::byte* memory = align_up(run.start(), alignment);
  const auto room = static_cast<std::size_t>(run.end() - memory) - bytes;
  if (alignment <= kLineBytes) memory += colour_of(run.first, room);
  run.segment->owner_of(memory) = PageOwner::run(run.first, run.pages);
  *is_zero = run.is_fresh;
  return memory;
}

/// pre: it is the owner of a run's page.
Run run_of(Segment* segment, PageOwner owner) noexcept {
  return {segment, owner.first(), owner.pages()};
}

bool is_cacheable_run(std::size_t bytes, std::size_t alignment) noexcept {
  return alignment <= kLineBytes && bytes <= thread_cache::kLargestRunBytes;
}

[[gnu::noinline]] void free_run(const Run& run) noexcept {
  poison(run.start(), run.pages * kPageBytes);
  NodeHeap* heap = run.segment->heap;
  Lock lock(heap->mutex);
  heap->pages.put(run, lock);
  node_heaps::see_to_ageing(heap, lock);
}

void free_run_at(void* memory) noexcept {
  Segment* segment = page_map::find(memory).segment;
  free_run(run_of(segment, segment->owner_of(memory)));
}

bool resize_run(Segment* segment, void* memory, std::size_t bytes) noexcept {
  Run run = run_of(segment, segment->owner_of(memory));
  const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(memory) - run.start());
  const std::size_t pages = ceil_divide(offset + bytes, kPageBytes);
  if (bytes <= kLargestSlotBytes / 2) return false;  // a slot does
  NodeHeap* heap = segment->heap;
  Lock lock(heap->mutex);
  if (pages > run.pages) {
    if (!heap->pages.extend(&run, pages)) return false;
  } else if (pages < run.pages - run.pages / 8) {
    const Run rest{segment, run.first + pages, run.pages - pages};
    run.pages = pages;
    poison(rest.start(), rest.pages * kPageBytes);
    heap->pages.put(rest, lock);
  }
  segment->owner_of(memory) = PageOwner::run(run.first, run.pages);
  node_heaps::see_to_ageing(heap, lock);
  return true;
}

// Both ----------

/// Null when there is no memory.
std::byte* take(std::size_t bytes, std::size_t alignment, bool* is_zero) noexcept {
  const std::size_t slack = std::max(alignment, kLineBytes) - kLineBytes;
  *is_zero = false;
  node_heaps::notice_moves();
  if (bytes + slack > kLargestSlotBytes) {
    if (is_cacheable_run(bytes, alignment)) {
      if (void* cached = thread_cache::pop_run(bytes)) return static_cast<std::byte*>(cached);
    }
    return allocate_run(node_heaps::of_this_thread(), bytes, alignment, is_zero);
  }
  auto* slot = static_cast<std::byte*>(allocate_slot(bytes + slack));
  return slot != nullptr && slack != 0 ? align_up(slot, alignment) : slot;
}

/// Rather than to fail, from any node.
std::byte* take_elsewhere(std::size_t bytes, std::size_t alignment, bool* is_zero) noexcept {
  std::byte* memory = nullptr;
  node_heaps::for_each([&](NodeHeap* heap) {
    if (memory == nullptr) memory = allocate_run(heap, bytes, alignment, is_zero);
  });
  return memory;
}

/// To its capacity: who resizes an array copies as much, because nobody knows what was asked for.
void unpoison_all(void* memory) noexcept {
  if constexpr (kPoisons) {
    Segment* segment = page_map::find(memory).segment;
    unpoison(static_cast<std::byte*>(memory), capacity(segment, memory));
  }
}

std::byte* allocate(std::size_t bytes, std::size_t alignment, bool* is_zero) noexcept {
  std::byte* memory = take(bytes, alignment, is_zero);
  if (memory == nullptr && blocks::trim_pool() != 0) memory = take(bytes, alignment, is_zero);
  if (memory == nullptr) memory = take_elsewhere(bytes, alignment, is_zero);
  if (memory == nullptr) {
    return static_cast<std::byte*>(c_library::allocate(bytes, std::max(alignment, kLineBytes)));
  }
  unpoison_all(memory);
  return memory;
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  bool is_zero;
  return allocate(bytes, alignment, &is_zero);
}

void* allocate_zeros(std::size_t bytes, std::size_t alignment) noexcept {
  bool is_zero;
  void* memory = allocate(bytes, alignment, &is_zero);
  return memory == nullptr || is_zero ? memory : std::memset(memory, 0, bytes);
}

std::size_t capacity(Segment* segment, void* memory) noexcept {
  if (segment == nullptr) return c_library::capacity(memory);
  const PageOwner owner = segment->owner_of(memory);
  const std::byte* end = owner.is_run() ? run_of(segment, owner).end()
                                        : slot_of(owner, memory) + slot_bytes(owner.size_class());
  return static_cast<std::size_t>(end - static_cast<std::byte*>(memory));
}

std::size_t page_bytes(Segment* segment, void* memory) noexcept {
  if (segment == nullptr) return 0;
  const PageOwner owner = segment->owner_of(memory);
  return owner.is_run() ? owner.pages() * kPageBytes : 0;
}

bool resize(Segment* segment, void* memory, std::size_t bytes) noexcept {
  if (segment == nullptr) return false;
  if (segment->owner_of(memory).is_run()) {
    if (!resize_run(segment, memory, bytes)) return false;
  } else {
    const std::size_t most = capacity(segment, memory);
    if (bytes > most || bytes <= most / 2) return false;
  }
  unpoison_all(memory);
  return true;
}

void free(Segment* segment, void* memory, std::size_t alignment) noexcept {
  if (segment == nullptr) return c_library::free(memory);
  const PageOwner owner = segment->owner_of(memory);
  const bool may_cache = node_heaps::may_be_cached(segment->heap);
  if (!may_cache) node_heaps::notice_moves();
  if (owner.is_run()) {
    const Run run = run_of(segment, owner);
    const auto room = static_cast<std::size_t>(run.end() - static_cast<std::byte*>(memory));
    const bool is_cacheable = may_cache && is_cacheable_run(room, alignment);
    if (!is_cacheable || !thread_cache::push_run(memory, room, kOwner)) free_run(run);
    return;
  }
  const int size_class = owner.size_class();
  void* slot = alignment <= kLineBytes ? memory : slot_of(owner, memory);
  if (!may_cache || !thread_cache::push(size_class, slot, kOwner)) flush(size_class, &slot, 1);
}

std::size_t trim() noexcept {
  thread_cache::clear();
  std::size_t bytes = 0;
  node_heaps::for_each([&](NodeHeap* heap) {
    Lock lock(heap->mutex);
    bytes += heap->pages.purge(0, lock);
  });
  return bytes;
}

void apply_options() noexcept { node_heaps::for_each(&node_heaps::apply_limit); }

Sizes sizes() noexcept {
  Sizes all{};
  node_heaps::for_each([&](NodeHeap* heap) {
    const Lock lock(heap->mutex);
    all.used_bytes += heap->pages.used_bytes();
    all.idle_bytes += heap->pages.idle_bytes();
  });
  return all;
}

}  // namespace zerofill::heap
