// Contract: small memory, of less than a block: malloc() and its relatives on zerofill's own pages.
//
// How it works
// ------------
// Small sizes come out of slots of a size class, by way of the thread's cache; larger ones are
// whole pages. Both are cut out of segments by the page heap. What is freed stays resident for the
// time `decay`, so that a loop faults no page twice, and goes back to the system afterwards.
//
// Where no segment can be mapped, the C library is asked.
//
// Every function may be called from any thread, for memory of another thread's too. `alignment` is
// a power of two, and for one piece of memory always the same. A null pointer is returned when
// there is no memory.
#pragma once

#include <cstddef>

namespace zerofill::heap {

struct Segment;

/// Memory of `bytes`, at least 1, that may hold anything.
void* allocate(std::size_t bytes, std::size_t alignment) noexcept;

/// Memory of `bytes`, at least 1, all zero. Pages that are fresh stay untouched.
void* allocate_zeros(std::size_t bytes, std::size_t alignment) noexcept;

// `segment` is the one in which the memory lies, by the page map; null where it is the C library's.

/// How many bytes there are from `memory` on: at least what was asked for.
std::size_t capacity(Segment* segment, void* memory) noexcept;

/// How many bytes its pages have; 0 where it is a slot, which shares its pages with others.
std::size_t page_bytes(Segment* segment, void* memory) noexcept;

/// Changes the size where the memory is. False, and nothing is changed, where it has to be made
/// anew and copied.
bool resize(Segment* segment, void* memory, std::size_t bytes) noexcept;

void free(Segment* segment, void* memory, std::size_t alignment) noexcept;

/// Returns what is free to the system; returns how many bytes that was. Of the thread caches only
/// the calling thread's is emptied.
std::size_t trim() noexcept;

/// Returns what the options do not allow any more: call it when they were changed.
void apply_options() noexcept;

struct Sizes {
  std::size_t used_bytes;  ///< of pages in use, with the free slots of their slabs
  std::size_t idle_bytes;  ///< of free pages that may be resident
};

Sizes sizes() noexcept;

}  // namespace zerofill::heap
