// Contract: each thread's cache of free slots, and of a few runs of pages (jemalloc's tcache,
// NumPy's own cache_bucket). It takes no lock and no atomic operation, which would cost as much as
// all else of a small array.
//
// Every function is about the cache of the calling thread. What it caches may come from another's.
#pragma once

#include <cstddef>

#include "base/units.h"

namespace zerofill::heap::thread_cache {

/// Who takes back what the cache has no room for: slots of a class, and the memory of a run.
struct Owner {
  void (*take_slots)(int size_class, void* const* slots, int count) noexcept;
  void (*take_run)(void* memory) noexcept;
};

/// Runs of more bytes are not cached. A chain of temporaries has two or three of them in turn; with
/// two threads, which would else take each other's out of another core's cache, it takes a tenth
/// less time at 256 and 512 KiB. From 1 MiB on it makes no difference.
constexpr std::size_t kLargestRunBytes = 640 * KiB;

/// How many slots of a class a thread caches at most: 16, and 64 KiB of them.
int capacity(int size_class) noexcept;

/// Caches a slot, with its memory poisoned. When there is no room, half of its class goes to the
/// owner first, which is always the same; when the thread ends, all do. False when it is ending.
bool push(int size_class, void* slot, const Owner& owner) noexcept;

/// The slot of that class that was cached last; null when there is none.
void* pop(int size_class) noexcept;

/// Caches the memory of a run, `capacity` bytes, up to kLargestRunBytes. There is room for four,
/// and for 1.25 MiB: those that were cached first go to the owner. False when the thread is ending.
bool push_run(void* memory, std::size_t capacity, const Owner& owner) noexcept;

/// The memory that was cached last of a run that holds so many bytes, and at most an eighth more
/// and a page; null when there is none.
void* pop_run(std::size_t bytes) noexcept;

/// Gives all that is cached to the owner.
void clear() noexcept;

}  // namespace zerofill::heap::thread_cache
