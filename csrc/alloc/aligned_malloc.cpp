#include "alloc/aligned_malloc.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "alloc/allocator.h"
#include "base/checked.h"
#include "base/errors.h"
#include "heap/heap.h"
#include "heap/page_map.h"

namespace zerofill::alloc {
namespace {

using blocks::Content;
namespace page_map = heap::page_map;

/// At least a unit of the page map, so that nothing else starts in the same one.
Request request_for(std::size_t bytes, std::size_t alignment, Content content) noexcept {
  return {std::max(bytes, blocks::kBlockUnit), alignment, Commit::lazy, Touch::dense, content};
}

bool is_small(std::size_t bytes, std::size_t alignment) noexcept {
  return alloc::is_small({bytes, alignment, Commit::lazy, Touch::dense});
}

/// Enters it in the page map, where free() will find it. Null when there is no memory for that.
void* keep_in_page_map(Allocation made) noexcept {
  if (!page_map::reserve(made.data())) return nullptr;
  auto* entry = new (std::nothrow) Allocation(std::move(made));
  if (entry == nullptr) return nullptr;
  page_map::insert(entry->data(), entry);
  return entry->data();
}

void* large_malloc(std::size_t bytes, std::size_t alignment, Content content) noexcept {
  try {
    return keep_in_page_map(acquire(request_for(bytes, alignment, content), {}));
  } catch (const OutOfMemory&) {
    return nullptr;
  }
}

void large_free(Allocation* allocation) noexcept {
  page_map::erase(allocation->data());
  delete allocation;
}

/// Null, and nothing is changed, where the bytes have to be copied.
void* large_realloc(Allocation* allocation, std::size_t bytes, std::size_t alignment) noexcept {
  // Off the map meanwhile: when the pages move, another thread can get memory at the old address
  // before this one is back from mremap(2).
  page_map::erase(allocation->data());
  const Request request = request_for(bytes, alignment, Content::unknown);
  const bool resized = resize(allocation, request, &page_map::reserve);
  page_map::insert(allocation->data(), allocation);
  return resized ? allocation->data() : nullptr;
}

std::size_t capacity_of(void* memory) noexcept {
  const page_map::Entry entry = page_map::find(memory);
  return entry.allocation != nullptr ? entry.allocation->bytes()
                                     : heap::capacity(entry.segment, memory);
}

void* move_bytes(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  void* moved = aligned_malloc(bytes, alignment);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, std::min(bytes, capacity_of(memory)));
  aligned_free(memory, alignment);
  return moved;
}

}  // namespace

void* aligned_malloc(std::size_t bytes, std::size_t alignment) noexcept {
  bytes = std::max(bytes, std::size_t{1});
  return is_small(bytes, alignment) ? heap::allocate(bytes, alignment)
                                    : large_malloc(bytes, alignment, Content::unknown);
}

void* aligned_calloc(std::size_t count, std::size_t bytes, std::size_t alignment) noexcept {
  std::size_t all = 0;
  if (!checked_multiply(count, bytes, &all)) return nullptr;
  all = std::max(all, std::size_t{1});
  return is_small(all, alignment) ? heap::allocate_zeros(all, alignment)
                                  : large_malloc(all, alignment, Content::zero);
}

void* aligned_realloc(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  if (memory == nullptr) return aligned_malloc(bytes, alignment);
  bytes = std::max(bytes, std::size_t{1});
  const page_map::Entry entry = page_map::find(memory);
  void* resized = nullptr;
  if (entry.allocation != nullptr && !is_small(bytes, alignment)) {
    resized = large_realloc(entry.allocation, bytes, alignment);
  } else if (entry.allocation == nullptr && is_small(bytes, alignment)) {
    resized = heap::resize(entry.segment, memory, bytes) ? memory : nullptr;
  }
  return resized != nullptr ? resized : move_bytes(memory, bytes, alignment);
}

std::size_t page_bytes(void* memory) noexcept {
  const page_map::Entry entry = page_map::find(memory);
  return entry.allocation != nullptr ? entry.allocation->bytes()
                                     : heap::page_bytes(entry.segment, memory);
}

void aligned_free(void* memory, std::size_t alignment) noexcept {
  if (memory == nullptr) return;
  const page_map::Entry entry = page_map::find(memory);
  if (entry.allocation != nullptr) return large_free(entry.allocation);
  heap::free(entry.segment, memory, alignment);
}

}  // namespace zerofill::alloc
