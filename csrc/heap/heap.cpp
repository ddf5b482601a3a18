// The design is told in heap.h and page_heap.h.
#include "heap/heap.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/align.h"
#include "base/clock.h"
#include "base/immortal.h"
#include "base/options.h"
#include "base/poison.h"
#include "blocks/budget.h"
#include "blocks/pool.h"
#include "heap/c_library.h"
#include "heap/page_heap.h"
#include "heap/page_map.h"
#include "heap/run_layout.h"
#include "heap/size_classes.h"
#include "heap/slab_lists.h"
#include "heap/thread_cache.h"

namespace zerofill::heap {
namespace {

struct Heap {
  Heap() noexcept : slabs(&pages) {}

  std::mutex mutex;  ///< guards all below
  PageHeap pages;
  SlabLists slabs;
  bool ages = false;  ///< whether step() is called until nothing is idle
  Clock::time_point last_tick;
  Clock::time_point next_try;  ///< to start the thread that calls it, where that failed
};

Immortal<Heap> the_heap;

// In the background ----------

/// Does what is due by now; returns when that is again. The background thread calls it.
Clock::time_point step() noexcept {
  constexpr Clock::duration kPollInterval = std::chrono::seconds(1);
  const bool is_low = blocks::is_memory_low();
  Lock lock(the_heap->mutex);
  PageHeap& pages = the_heap->pages;
  const Clock::time_point now = Clock::now();
  const Clock::duration tick = std::max<Clock::duration>(decay_time() / PageHeap::kTicksOfDecay,
                                                         std::chrono::milliseconds(1));
  if (is_low) {
    pages.purge(0, lock);
  } else if (now - the_heap->last_tick >= tick) {
    the_heap->last_tick = now;
    pages.grow_older();
    pages.purge(PageHeap::kOld, lock);
  }
  the_heap->ages = pages.idle_bytes() != 0;
  if (!the_heap->ages) return blocks::BackgroundThread::kWhenWoken;
  return std::min(the_heap->last_tick + tick, now + kPollInterval);
}

/// For who has put something back. Without a thread (RLIMIT_NPROC) it does a step itself.
void see_to_ageing(Lock& lock) noexcept {
  constexpr Clock::duration kPatience = std::chrono::milliseconds(100);
  if (the_heap->ages || the_heap->pages.idle_bytes() == 0) return;
  const bool failed_before = the_heap->next_try != Clock::time_point{};
  if (failed_before && Clock::now() < the_heap->next_try) return;
  the_heap->ages = true;
  lock.unlock();
  const bool starts = blocks::start_chore(&step);
  if (!starts) step();
  lock.lock();
  the_heap->next_try = starts ? Clock::time_point{} : Clock::now() + kPatience;
  if (!starts) the_heap->ages = false;
}

// Slots ----------

/// Of slots that a thread cache has no room for, with their memory poisoned or not.
[[gnu::noinline]] void flush(int size_class, void* const* slots, int count) noexcept {
  Lock lock(the_heap->mutex);
  for (int i = 0; i < count; ++i) {
    poison(static_cast<std::byte*>(slots[i]), slot_bytes(size_class));
    Segment* segment = page_map::find(slots[i]).segment;
    the_heap->slabs.put(segment->owner_of(slots[i]).slab(), slots[i], lock);
  }
  see_to_ageing(lock);
}

void free_run_at(void* memory) noexcept;

constexpr thread_cache::Owner kOwner{&flush, &free_run_at};

/// Takes a few at once, and caches all but the one that it returns.
[[gnu::noinline]] void* take_slots(int size_class) noexcept {
  constexpr int kMost = 8;
  void* slots[kMost];
  const int wanted = std::min(kMost, (thread_cache::capacity(size_class) + 1) / 2);
  Lock lock(the_heap->mutex);
  const int taken = the_heap->slabs.take(size_class, slots, wanted, lock);
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

[[gnu::noinline]] std::byte* allocate_run(std::size_t bytes, std::size_t alignment,
                                          bool* is_zero) noexcept {
  const std::size_t slack = std::max(alignment, kPageBytes) - kPageBytes;
  Lock lock(the_heap->mutex);
  const Run run = the_heap->pages.take(pages_for(bytes + slack), lock);
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
  Lock lock(the_heap->mutex);
  the_heap->pages.put(run, lock);
  see_to_ageing(lock);
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
  Lock lock(the_heap->mutex);
  if (pages > run.pages) {
    if (!the_heap->pages.extend(&run, pages)) return false;
  } else if (pages < run.pages - run.pages / 8) {
    const Run rest{segment, run.first + pages, run.pages - pages};
    run.pages = pages;
    poison(rest.start(), rest.pages * kPageBytes);
    the_heap->pages.put(rest, lock);
  }
  segment->owner_of(memory) = PageOwner::run(run.first, run.pages);
  see_to_ageing(lock);
  return true;
}

// Both ----------

/// Null when there is no memory.
std::byte* take(std::size_t bytes, std::size_t alignment, bool* is_zero) noexcept {
  const std::size_t slack = std::max(alignment, kLineBytes) - kLineBytes;
  *is_zero = false;
  if (bytes + slack > kLargestSlotBytes) {
    if (is_cacheable_run(bytes, alignment)) {
      if (void* cached = thread_cache::pop_run(bytes)) return static_cast<std::byte*>(cached);
    }
    return allocate_run(bytes, alignment, is_zero);
  }
  auto* slot = static_cast<std::byte*>(allocate_slot(bytes + slack));
  return slot != nullptr && slack != 0 ? align_up(slot, alignment) : slot;
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
  if (owner.is_run()) {
    const Run run = run_of(segment, owner);
    const auto room = static_cast<std::size_t>(run.end() - static_cast<std::byte*>(memory));
    const bool is_cacheable = is_cacheable_run(room, alignment);
    if (!is_cacheable || !thread_cache::push_run(memory, room, kOwner)) free_run(run);
    return;
  }
  const int size_class = owner.size_class();
  void* slot = alignment <= kLineBytes ? memory : slot_of(owner, memory);
  if (!thread_cache::push(size_class, slot, kOwner)) flush(size_class, &slot, 1);
}

std::size_t trim() noexcept {
  thread_cache::clear();
  Lock lock(the_heap->mutex);
  return the_heap->pages.purge(0, lock);
}

void apply_options() noexcept {
  Lock lock(the_heap->mutex);
  the_heap->pages.apply_limit(lock);
}

Sizes sizes() noexcept {
  const Lock lock(the_heap->mutex);
  return {the_heap->pages.used_bytes(), the_heap->pages.idle_bytes()};
}

void lock_before_fork() noexcept {
  Lock lock(the_heap->mutex);
  the_heap->pages.purge(0, lock);
  the_heap->pages.wait_until_settled(lock);
  the_heap->ages = false;  // the thread has ended
  lock.release();          // until the fork is over
}

void unlock_in_parent() noexcept { the_heap->mutex.unlock(); }

void unlock_in_child() noexcept {
  the_heap->mutex.unlock();
  remake_in_child(&the_heap->mutex);
  the_heap->pages.remake_in_child();
}

}  // namespace zerofill::heap
