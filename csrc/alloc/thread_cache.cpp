#include "alloc/thread_cache.h"

#include <algorithm>
#include <cstdlib>

#include "base/poison.h"

namespace zerofill::alloc::thread_cache {
namespace {

constexpr int kPiecesOfOneSize = 8;

/// Pieces of one capacity, the last one freed on top.
struct Stack {
  int count;
  void* pieces[kPiecesOfOneSize];
};

struct Cache {
  Stack stacks[kMaxBytes / kStepBytes];
  void (*free_piece)(void* memory);
};

/// Null before the thread caches anything, and when it is ending.
thread_local Cache* cache = nullptr;
thread_local bool is_ending = false;

/// Frees what the thread has cached. Others of its objects may be destroyed later, and still free
/// arrays.
struct AtThreadEnd {
  // Not trivial, so that the destructor is registered where control passes the object's definition,
  // and not for threads that never come there.
  AtThreadEnd() noexcept {}  // NOLINT(modernize-use-equals-default)
  ~AtThreadEnd() {
    Cache* ending = cache;
    cache = nullptr;
    is_ending = true;
    if (ending == nullptr) return;
    for (Stack& stack : ending->stacks) {
      std::for_each(stack.pieces, stack.pieces + stack.count, ending->free_piece);
    }
    std::free(ending);
  }
};

bool make_cache(void (*free_piece)(void* memory)) noexcept {
  if (is_ending) return false;
  thread_local const AtThreadEnd at_thread_end;
  cache = static_cast<Cache*>(std::calloc(1, sizeof(Cache)));
  if (cache == nullptr) return false;
  cache->free_piece = free_piece;
  return true;
}

Stack& stack_for(std::size_t capacity) noexcept { return cache->stacks[capacity / kStepBytes - 1]; }

}  // namespace

bool push(void* memory, std::size_t capacity, void (*free_piece)(void* memory)) noexcept {
  if (cache == nullptr && !make_cache(free_piece)) return false;
  Stack& stack = stack_for(capacity);
  if (stack.count == kPiecesOfOneSize) return false;
  poison(static_cast<std::byte*>(memory), capacity);
  stack.pieces[stack.count++] = memory;
  return true;
}

void* pop(std::size_t capacity) noexcept {
  if (cache == nullptr) return nullptr;
  Stack& stack = stack_for(capacity);
  if (stack.count == 0) return nullptr;
  void* memory = stack.pieces[--stack.count];
  unpoison(static_cast<std::byte*>(memory), capacity);
  return memory;
}

}  // namespace zerofill::alloc::thread_cache
