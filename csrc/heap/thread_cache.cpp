#include "heap/thread_cache.h"

#include <algorithm>
#include <cstdlib>

#include "base/poison.h"
#include "heap/size_classes.h"

namespace zerofill::heap::thread_cache {
namespace {

constexpr int kMostSlots = 16;
constexpr std::size_t kMostBytes = 64 * KiB;  ///< of one class

/// Slots of one class, the last one freed on top.
struct Stack {
  int count;
  int room;  ///< capacity()
  void* slots[kMostSlots];
};

/// The memory of a run.
struct CachedRun {
  void* memory;
  std::size_t capacity;
};

constexpr int kMostRuns = 4;
constexpr std::size_t kMostRunBytes = 1280 * KiB;

struct Cache {
  Stack stacks[kClasses];
  CachedRun runs[kMostRuns];  ///< the last one freed at the end
  int run_count;
  std::size_t run_bytes;  ///< of the runs' capacities
  Owner owner;
};

/// Null before the thread caches anything, and when it is ending.
thread_local Cache* cache = nullptr;
thread_local bool is_ending = false;

void* remove_run(Cache* from, int index) noexcept {
  CachedRun* runs = from->runs;
  const CachedRun removed = runs[index];
  std::copy(runs + index + 1, runs + from->run_count, runs + index);
  --from->run_count;
  from->run_bytes -= removed.capacity;
  return removed.memory;
}

void flush_all(Cache* from) noexcept {
  for (int size_class = 0; size_class < kClasses; ++size_class) {
    Stack& stack = from->stacks[size_class];
    if (stack.count != 0) from->owner.take_slots(size_class, stack.slots, stack.count);
    stack.count = 0;
  }
  while (from->run_count != 0) from->owner.take_run(remove_run(from, from->run_count - 1));
}

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
    flush_all(ending);
    std::free(ending);
  }
};

[[gnu::noinline]] bool make_cache(const Owner& owner) noexcept {
  if (is_ending) return false;
  thread_local const AtThreadEnd at_thread_end;
  cache = static_cast<Cache*>(std::calloc(1, sizeof(Cache)));
  if (cache == nullptr) return false;
  cache->owner = owner;
  for (int size_class = 0; size_class < kClasses; ++size_class) {
    cache->stacks[size_class].room = capacity(size_class);
  }
  return true;
}

/// Flushes the older half, because the newer one is warm.
[[gnu::noinline]] void make_room(int size_class, Stack* stack) noexcept {
  const int half = (stack->room + 1) / 2;
  cache->owner.take_slots(size_class, stack->slots, half);
  std::copy(stack->slots + half, stack->slots + stack->count, stack->slots);
  stack->count -= half;
}

}  // namespace

int capacity(int size_class) noexcept {
  const std::size_t slots = kMostBytes / slot_bytes(size_class);
  return static_cast<int>(std::min(slots, std::size_t{kMostSlots}));
}

bool push(int size_class, void* slot, const Owner& owner) noexcept {
  if (cache == nullptr && !make_cache(owner)) return false;
  Stack& stack = cache->stacks[size_class];
  if (stack.count == stack.room) make_room(size_class, &stack);
  poison(static_cast<std::byte*>(slot), slot_bytes(size_class));
  stack.slots[stack.count++] = slot;
  return true;
}

void* pop(int size_class) noexcept {
  if (cache == nullptr) return nullptr;
  Stack& stack = cache->stacks[size_class];
  return stack.count != 0 ? stack.slots[--stack.count] : nullptr;
}

bool push_run(void* memory, std::size_t capacity, const Owner& owner) noexcept {
  if (cache == nullptr && !make_cache(owner)) return false;
  while (cache->run_count == kMostRuns || cache->run_bytes + capacity > kMostRunBytes) {
    owner.take_run(remove_run(cache, 0));
  }
  poison(static_cast<std::byte*>(memory), capacity);
  cache->runs[cache->run_count++] = {memory, capacity};
  cache->run_bytes += capacity;
  return true;
}

void* pop_run(std::size_t bytes) noexcept {
  constexpr std::size_t kSlack = 4 * KiB;
  if (cache == nullptr) return nullptr;
  CachedRun* runs = cache->runs;
  for (int i = cache->run_count; i-- > 0;) {
    if (runs[i].capacity < bytes || runs[i].capacity > bytes + bytes / 8 + kSlack) continue;
    return remove_run(cache, i);
  }
  return nullptr;
}

void clear() noexcept {
  if (cache != nullptr) flush_all(cache);
}

}  // namespace zerofill::heap::thread_cache
