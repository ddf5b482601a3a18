// Contract: memory of the C library's, aligned, which knows its own size. Each thread keeps a few
// of the smallest sizes for reuse, without a lock and without an atomic operation, which would
// cost as much as all else of a small array.
//
// Every function may be called from any thread, for memory of another thread's too. `alignment` is
// a power of two, at least 16, and for one piece of memory always the same. A null pointer is
// returned when there is no memory.
#pragma once

#include <cstddef>

namespace zerofill::memory {

/// Memory of `bytes`, at least 1, that may hold anything.
void* make_small(std::size_t bytes, std::size_t alignment) noexcept;

/// Memory of `bytes`, at least 1, all zero.
void* make_small_zeros(std::size_t bytes, std::size_t alignment) noexcept;

/// The same memory with another size, moved or not. Null, and nothing is changed, where it has to
/// be made anew and copied.
void* resize_small(void* memory, std::size_t bytes, std::size_t alignment) noexcept;

/// How many bytes there are: at least what was asked for.
std::size_t small_capacity(const void* memory) noexcept;

void free_small(void* memory, std::size_t alignment) noexcept;

}  // namespace zerofill::memory
