// Contract: each thread's cache of small pieces of memory (jemalloc's tcache, NumPy's own
// cache_bucket). It takes no lock and no atomic operation, which would cost as much as all else of
// a small array.
//
// Every function is about the cache of the calling thread. A piece may come from another thread's.
#pragma once

#include <cstddef>

namespace zerofill::alloc::thread_cache {

constexpr std::size_t kAlignment = 64;   ///< of the pieces
constexpr std::size_t kStepBytes = 64;   ///< their capacities are multiples of this
constexpr std::size_t kMaxBytes = 1024;  ///< the largest capacity

/// Caches a piece of memory, which goes to `free_piece` when the thread ends: for all pieces the
/// same function. False when the cache has enough of that capacity, or the thread is ending.
bool push(void* memory, std::size_t capacity, void (*free_piece)(void* memory)) noexcept;

/// The piece of that capacity that was cached last; null when there is none.
void* pop(std::size_t capacity) noexcept;

}  // namespace zerofill::alloc::thread_cache
