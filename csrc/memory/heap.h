// Contract: malloc() and its relatives, aligned, with the allocator behind them: what NumPy asks
// for its arrays.
//
// Every function may be called from any thread. `alignment` is a power of two, at least 16, and for
// one piece of memory always the same. A null pointer is returned when there is no memory, and then
// nothing was changed. The memory knows its own size. What is not small, as is_small() in
// allocator.h has it, is made of pages, of which those that nobody touches never become resident.
#pragma once

#include <cstddef>

namespace zerofill::memory {

/// Memory that may hold anything.
void* heap_malloc(std::size_t bytes, std::size_t alignment) noexcept;

/// Memory of `count` times `bytes` zero bytes.
void* heap_calloc(std::size_t count, std::size_t bytes, std::size_t alignment) noexcept;

/// Memory of another size with the content of the former, as far as it goes, which is gone then. A
/// null pointer in is as heap_malloc(). Large memory moves by its pages.
void* heap_realloc(void* memory, std::size_t bytes, std::size_t alignment) noexcept;

/// Takes memory back; a null pointer is fine.
void heap_free(void* memory, std::size_t alignment) noexcept;

}  // namespace zerofill::memory
