#include "memory/small_blocks.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/align.h"
#include "base/poison.h"

namespace zerofill::memory {
namespace {

// Right before the memory stands where it comes from. ---------------------------------------------

struct Header {
  void* raw;             ///< what the C library gave
  std::size_t capacity;  ///< bytes behind the header
};

// The C library aligns to 16 bytes, so `alignment` bytes more than the capacity hold the header
// too.
static_assert(sizeof(Header) <= 16);

Header* header_of(void* memory) noexcept { return static_cast<Header*>(memory) - 1; }

/// Null when `raw` is.
void* place_behind_header(void* raw, std::size_t capacity, std::size_t alignment) noexcept {
  if (raw == nullptr) return nullptr;
  std::byte* memory = align_up(static_cast<std::byte*>(raw) + sizeof(Header), alignment);
  *header_of(memory) = {raw, capacity};
  return memory;
}

// What a thread keeps. ----------------------------------------------------------------------------

constexpr std::size_t kKeptAlignment = 64;
constexpr std::size_t kKeptStep = 64;  // what the sizes of kept memory are multiples of
constexpr std::size_t kLargestKept = 1024;
constexpr int kMostKept = 8;

/// Memory of one size, the last one freed on top.
struct Stack {
  int count;
  void* kept[kMostKept];
};

struct Stacks {
  Stack of_step[kLargestKept / kKeptStep];
};

/// Null before the thread keeps anything, and when it is ending.
thread_local Stacks* stacks = nullptr;
thread_local bool is_ending = false;

void free_raw(void* memory) noexcept { std::free(header_of(memory)->raw); }

/// Frees what the thread keeps. Others of its objects may be destroyed later and still free arrays.
struct AtThreadEnd {
  AtThreadEnd() noexcept {}  // not trivial: it is destroyed where it was made
  ~AtThreadEnd() {
    Stacks* kept = stacks;
    stacks = nullptr;
    is_ending = true;
    if (kept == nullptr) return;
    for (Stack& stack : kept->of_step) {
      std::for_each(stack.kept, stack.kept + stack.count, free_raw);
    }
    std::free(kept);
  }
};

bool make_stacks() noexcept {
  if (is_ending) return false;
  thread_local const AtThreadEnd at_thread_end;
  stacks = static_cast<Stacks*>(std::calloc(1, sizeof(Stacks)));
  return stacks != nullptr;
}

bool is_kept(std::size_t capacity, std::size_t alignment) noexcept {
  return capacity <= kLargestKept && alignment == kKeptAlignment;
}

Stack& stack_for(Stacks* all, std::size_t capacity) noexcept {
  return all->of_step[capacity / kKeptStep - 1];
}

/// False when enough is kept.
bool keep(void* memory) noexcept {
  if (stacks == nullptr && !make_stacks()) return false;
  const std::size_t capacity = header_of(memory)->capacity;
  Stack& stack = stack_for(stacks, capacity);
  if (stack.count == kMostKept) return false;
  poison(static_cast<std::byte*>(memory), capacity);
  stack.kept[stack.count++] = memory;
  return true;
}

/// Null when none is kept.
void* take_kept(std::size_t capacity) noexcept {
  if (stacks == nullptr) return nullptr;
  Stack& stack = stack_for(stacks, capacity);
  if (stack.count == 0) return nullptr;
  void* memory = stack.kept[--stack.count];
  unpoison(static_cast<std::byte*>(memory), capacity);
  return memory;
}

void* make_to_keep(std::size_t bytes) noexcept {
  const std::size_t capacity = align_up(bytes, kKeptStep);
  if (void* kept = take_kept(capacity)) return kept;
  return place_behind_header(std::malloc(capacity + kKeptAlignment), capacity, kKeptAlignment);
}

/// The C library keeps the content where it is in the allocation, which may be no aligned place.
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

void* make_small(std::size_t bytes, std::size_t alignment) noexcept {
  if (is_kept(bytes, alignment)) return make_to_keep(bytes);
  return place_behind_header(std::malloc(bytes + alignment), bytes, alignment);
}

void* make_small_zeros(std::size_t bytes, std::size_t alignment) noexcept {
  if (is_kept(bytes, alignment)) {
    void* memory = make_to_keep(bytes);
    return memory != nullptr ? std::memset(memory, 0, bytes) : nullptr;
  }
  // The C library knows when its memory is fresh from the system, and so zero.
  return place_behind_header(std::calloc(1, bytes + alignment), bytes, alignment);
}

void* resize_small(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t capacity = small_capacity(memory);
  if (is_kept(capacity, alignment) || is_kept(bytes, alignment)) {
    return align_up(bytes, kKeptStep) == capacity ? memory : nullptr;
  }
  return realloc_raw(memory, bytes, alignment);
}

std::size_t small_capacity(const void* memory) noexcept {
  return (static_cast<const Header*>(memory) - 1)->capacity;
}

void free_small(void* memory, std::size_t alignment) noexcept {
  if (!is_kept(small_capacity(memory), alignment) || !keep(memory)) free_raw(memory);
}

}  // namespace zerofill::memory
