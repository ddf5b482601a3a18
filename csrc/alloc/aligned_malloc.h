// Contract: malloc() and its relatives, aligned, in the form that NumPy wants for its arrays (NEP
// 49).
//
// Every function may be called from any thread. `alignment` is a power of two, at least 16, and for
// one piece of memory always the same. A null pointer is returned when there is no memory, and then
// nothing was changed. The memory knows its own size. Memory that is not small, as allocator.h's
// is_small() has it, is made of pages, and those that nobody touches never become resident.
#pragma once

#include <cstddef>

namespace zerofill::alloc {

/// Memory that may hold anything.
void* aligned_malloc(std::size_t bytes, std::size_t alignment) noexcept;

/// Memory of `count` times `bytes` zero bytes.
void* aligned_calloc(std::size_t count, std::size_t bytes, std::size_t alignment) noexcept;

/// Memory of another size, with as much of the former content as fits. The former memory is freed;
/// if it is null, this is aligned_malloc(). Large memory is not copied: its pages stay or move.
void* aligned_realloc(void* memory, std::size_t bytes, std::size_t alignment) noexcept;

/// How many bytes the memory has where it is made of whole pages, which it is above 16 KiB; 0
/// elsewhere. The same until it is resized.
std::size_t page_bytes(void* memory) noexcept;

/// Takes memory back; a null pointer is fine.
void aligned_free(void* memory, std::size_t alignment) noexcept;

}  // namespace zerofill::alloc
