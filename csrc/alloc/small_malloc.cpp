#include "alloc/small_malloc.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "alloc/thread_cache.h"
#include "base/align.h"

namespace zerofill::alloc {
namespace {

/// Stands right before the memory.
struct Header {
  void* raw;             ///< what the C library gave
  std::size_t capacity;  ///< bytes behind the header
};

// The C library aligns to 16 bytes, so `alignment` bytes more than the capacity hold the header
// too.
static_assert(sizeof(Header) <= 16);

Header* header_of(void* memory) noexcept { return static_cast<Header*>(memory) - 1; }

void free_raw(void* memory) noexcept { std::free(header_of(memory)->raw); }

/// Null when `raw` is.
void* place_behind_header(void* raw, std::size_t capacity, std::size_t alignment) noexcept {
  if (raw == nullptr) return nullptr;
  std::byte* memory = align_up(static_cast<std::byte*>(raw) + sizeof(Header), alignment);
  *header_of(memory) = {raw, capacity};
  return memory;
}

bool is_cacheable(std::size_t bytes, std::size_t alignment) noexcept {
  return bytes <= thread_cache::kMaxBytes && alignment == thread_cache::kAlignment;
}

/// Memory with a capacity that the thread cache takes when it is freed.
void* cacheable_malloc(std::size_t bytes) noexcept {
  const std::size_t capacity = align_up(bytes, thread_cache::kStepBytes);
  if (void* cached = thread_cache::pop(capacity)) return cached;
  constexpr std::size_t alignment = thread_cache::kAlignment;
  return place_behind_header(std::malloc(capacity + alignment), capacity, alignment);
}

/// realloc(3) keeps the content at the same offset, which may not be aligned in the new place.
void* realloc_raw(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  const Header before = *header_of(memory);
  const auto offset = static_cast<std::byte*>(memory) - static_cast<std::byte*>(before.raw);
  void* raw = std::realloc(before.raw, bytes + alignment);
  if (raw == nullptr) return nullptr;
  std::byte* wanted = align_up(static_cast<std::byte*>(raw) + sizeof(Header), alignment);
  const std::byte* content = static_cast<std::byte*>(raw) + offset;
  if (content != wanted) std::memmove(wanted, content, std::min(bytes, before.capacity));
  return place_behind_header(raw, bytes, alignment);
}

}  // namespace

void* small_malloc(std::size_t bytes, std::size_t alignment) noexcept {
  if (is_cacheable(bytes, alignment)) return cacheable_malloc(bytes);
  return place_behind_header(std::malloc(bytes + alignment), bytes, alignment);
}

void* small_calloc(std::size_t bytes, std::size_t alignment) noexcept {
  if (is_cacheable(bytes, alignment)) {
    void* memory = cacheable_malloc(bytes);
    return memory != nullptr ? std::memset(memory, 0, bytes) : nullptr;
  }
  // calloc(3) does not zero memory that is fresh from the system.
  return place_behind_header(std::calloc(1, bytes + alignment), bytes, alignment);
}

void* small_realloc(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t capacity = small_capacity(memory);
  if (is_cacheable(capacity, alignment) || is_cacheable(bytes, alignment)) {
    return align_up(bytes, thread_cache::kStepBytes) == capacity ? memory : nullptr;
  }
  return realloc_raw(memory, bytes, alignment);
}

std::size_t small_capacity(const void* memory) noexcept {
  return (static_cast<const Header*>(memory) - 1)->capacity;
}

void small_free(void* memory, std::size_t alignment) noexcept {
  const std::size_t capacity = small_capacity(memory);
  if (!is_cacheable(capacity, alignment) || !thread_cache::push(memory, capacity, &free_raw)) {
    free_raw(memory);
  }
}

}  // namespace zerofill::alloc
