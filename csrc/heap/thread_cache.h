// Contract: each thread's cache of free slots (jemalloc's tcache, NumPy's own cache_bucket). It
// takes no lock and no atomic operation, which would cost as much as all else of a small array.
//
// Every function is about the cache of the calling thread. A slot may come from another thread's.
#pragma once

#include <cstddef>

namespace zerofill::heap::thread_cache {

/// Takes back slots of a class that the cache has no room for.
using Flush = void (*)(int size_class, void* const* slots, int count) noexcept;

/// How many slots of a class a thread caches at most: 16, and 64 KiB of them.
int capacity(int size_class) noexcept;

/// Caches a slot, with its memory poisoned. When there is no room, half of its class is flushed
/// first; when the thread ends, all of them are. False when the thread is ending.
bool push(int size_class, void* slot, Flush flush) noexcept;

/// The slot of that class that was cached last; null when there is none.
void* pop(int size_class) noexcept;

/// Flushes all that is cached.
void clear() noexcept;

}  // namespace zerofill::heap::thread_cache
