#include "memory/spans.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>

#include "base/align.h"
#include "base/poison.h"
#include "memory/counters.h"
#include "memory/plan.h"
#include "os/fork.h"
#include "os/pages.h"

namespace zerofill::memory {

constexpr std::size_t kSpanBytes = 32 * MiB;
constexpr std::size_t kSlotStep = 64 * KiB;  // what a slot is larger than needed is never resident
constexpr std::size_t kLargestPayload = 2 * MiB - 1;
constexpr std::size_t kLargestAlignment = 64 * KiB;
constexpr int kClasses =
    static_cast<int>((kLargestPayload + kMostStagger + kLargestAlignment) / kSlotStep) + 1;
constexpr int kMostSlots = 255;

/// A mapping that is divided into slots of one size.
struct Span {
  std::byte* address;
  std::size_t slot_bytes;
  int slots;
  int free_count = 0;
  std::uint8_t free[kMostSlots] = {};  ///< indices of free slots; the last is the next to go
  Span* next = nullptr;
  Span* previous = nullptr;

  bool is_empty() const noexcept { return free_count == slots; }
};

namespace {

using Lock = std::unique_lock<std::mutex>;

Span* map_span(std::size_t slot_bytes) noexcept {
  void* address = nullptr;
  if (os::map_pages(kSpanBytes, os::page_bytes(), "zerofill", &address) != 0) return nullptr;
  const int slots = std::min(static_cast<int>(kSpanBytes / slot_bytes), kMostSlots);
  auto* span = new (std::nothrow) Span{static_cast<std::byte*>(address), slot_bytes, slots};
  if (span == nullptr) {
    os::unmap_pages(address, kSpanBytes);
    return nullptr;
  }
  // A huge page would make the neighbours of what is touched resident too.
  (void)os::advise_small_pages(address, kSpanBytes);
  for (int i = slots; i-- > 0;) span->free[span->free_count++] = static_cast<std::uint8_t>(i);
  return span;
}

void unmap_span(Span* span) noexcept {
  unpoison(span->address, kSpanBytes);
  os::unmap_pages(span->address, kSpanBytes);
  delete span;
}

class Spans {
 public:
  std::byte* take(std::size_t slot_bytes, Span** from) noexcept;
  void put(std::byte* slot, Span* span) noexcept;
  std::size_t trim() noexcept;

  void before_fork() noexcept { mutex_.lock(); }
  void after_fork_in_parent() noexcept { mutex_.unlock(); }
  void after_fork_in_child() noexcept {
    mutex_.unlock();
    new (&mutex_) std::mutex;  // other threads of the parent may have been waiting on it
  }

 private:
  /// The spans of one size of slots.
  struct Class {
    Span* usable = nullptr;  ///< those with a free slot
    int empty = 0;           ///< how many of these have no slot in use
  };

  // All of these need mutex_ to be held.
  void link(Span* span) noexcept;
  void unlink(Span* span) noexcept;
  Class& class_of(const Span* span) noexcept { return classes_[span->slot_bytes / kSlotStep]; }

  std::mutex mutex_;
  Class classes_[kClasses + 1];  ///< by the size of a slot in steps
};

void Spans::link(Span* span) noexcept {
  Class& of = class_of(span);
  span->previous = nullptr;
  span->next = of.usable;
  if (of.usable != nullptr) of.usable->previous = span;
  of.usable = span;
  of.empty += span->is_empty();
}

void Spans::unlink(Span* span) noexcept {
  Class& of = class_of(span);
  (span->previous != nullptr ? span->previous->next : of.usable) = span->next;
  if (span->next != nullptr) span->next->previous = span->previous;
  span->next = span->previous = nullptr;
  of.empty -= span->is_empty();
}

std::byte* Spans::take(std::size_t slot_bytes, Span** from) noexcept {
  Lock lock(mutex_);
  Class& of = classes_[slot_bytes / kSlotStep];
  if (of.usable == nullptr) {
    lock.unlock();
    Span* mapped = map_span(slot_bytes);
    if (mapped == nullptr) return nullptr;
    lock.lock();
    link(mapped);
  }
  Span* span = of.usable;
  of.empty -= span->is_empty();
  const int slot = span->free[--span->free_count];
  if (span->free_count == 0) unlink(span);
  *from = span;
  return span->address + static_cast<std::size_t>(slot) * slot_bytes;
}

// One empty span a class is kept, so that a loop does not map and unmap one each time.
void Spans::put(std::byte* slot, Span* span) noexcept {
  const auto index = static_cast<std::size_t>(slot - span->address) / span->slot_bytes;
  Lock lock(mutex_);
  if (span->free_count == 0) link(span);
  span->free[span->free_count++] = static_cast<std::uint8_t>(index);
  if (!span->is_empty()) return;
  if (++class_of(span).empty == 1) return;
  unlink(span);
  lock.unlock();
  unmap_span(span);
}

std::size_t Spans::trim() noexcept {
  Span* empty = nullptr;
  Lock lock(mutex_);
  for (const Class& of : classes_) {
    Span* span = of.usable;
    while (span != nullptr) {
      Span* next = span->next;
      if (span->is_empty()) {
        unlink(span);
        span->next = empty;
        empty = span;
      }
      span = next;
    }
  }
  lock.unlock();
  std::size_t bytes = 0;
  while (empty != nullptr) {
    Span* span = empty;
    empty = span->next;
    unmap_span(span);
    bytes += kSpanBytes;
  }
  return bytes;
}

/// Never destroyed: arrays may be freed while the process exits.
Spans& spans() noexcept {
  alignas(Spans) static unsigned char storage[sizeof(Spans)];
  static Spans* const instance = new (storage) Spans;
  return *instance;
}

[[maybe_unused]] const int kForkHooks =
    os::on_fork([] { spans().before_fork(); }, [] { spans().after_fork_in_parent(); },
                [] { spans().after_fork_in_child(); });

}  // namespace

std::optional<Block> take_from_span(std::size_t bytes, std::size_t alignment) noexcept {
  if (bytes > kLargestPayload || alignment > kLargestAlignment) return std::nullopt;
  const std::size_t slack = std::max(alignment, os::page_bytes()) - os::page_bytes();
  Block block;
  block.bytes = align_up(bytes + slack + kMostStagger, kSlotStep);
  block.address = spans().take(block.bytes, &block.span);
  if (block.address == nullptr) return std::nullopt;
  unpoison(block.address, block.bytes);
  block.stagger = next_stagger(alignment);
  block.payload = align_up(block.address, alignment) + block.stagger;
  block.payload_bytes = bytes;
  block.content = Content::zero;
  return block;
}

void put_into_span(const Block& block) noexcept {
  if (os::renew_pages(block.address, block.bytes) != 0) return;  // its addresses are lost
  counters().returned.add(block.bytes);
  poison(block.address, block.bytes);
  spans().put(block.address, block.span);
}

std::size_t trim_spans() noexcept { return spans().trim(); }

}  // namespace zerofill::memory
