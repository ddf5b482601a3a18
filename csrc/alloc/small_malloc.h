// Contract: small memory, aligned, which knows its own size. It is the C library's, or out of the
// thread cache.
//
// Every function may be called from any thread, for memory of another thread's too. `alignment` is
// a power of two, at least 16, and for one piece of memory always the same. A null pointer is
// returned when there is no memory.
#pragma once

#include <cstddef>

namespace zerofill::alloc {

/// Memory of `bytes`, at least 1, that may hold anything.
void* small_malloc(std::size_t bytes, std::size_t alignment) noexcept;

/// Memory of `bytes`, at least 1, all zero.
void* small_calloc(std::size_t bytes, std::size_t alignment) noexcept;

/// The same memory with another size, moved or not. Null, and nothing is changed, where it has to
/// be made anew and copied.
void* small_realloc(void* memory, std::size_t bytes, std::size_t alignment) noexcept;

/// How many bytes there are: at least what was asked for.
std::size_t small_capacity(const void* memory) noexcept;

void small_free(void* memory, std::size_t alignment) noexcept;

}  // namespace zerofill::alloc
