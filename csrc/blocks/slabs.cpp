#include "blocks/slabs.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>

#include "base/align.h"
#include "base/counters.h"
#include "base/immortal.h"
#include "base/poison.h"
#include "blocks/mapping.h"
#include "os/pages.h"

namespace zerofill::blocks {

constexpr std::size_t kSlabBytes = 32 * MiB;
constexpr std::size_t kSlotStep =
    64 * KiB;  // the rest of a slot is never touched, so never resident
constexpr std::size_t kLargestPayload = kBlockUnit - 1;
constexpr std::size_t kLargestAlignment = 64 * KiB;
constexpr int kClasses =
    static_cast<int>((kLargestPayload + kMaxColour + kLargestAlignment) / kSlotStep) + 1;
constexpr int kMaxSlots = 255;

/// A mapping that is divided into slots of one size.
struct Slab {
  std::byte* address;
  std::size_t slot_bytes;
  int slots;
  int free_count = 0;
  std::uint8_t free[kMaxSlots] = {};  ///< indices of free slots; the last is the next to go
  Slab* next = nullptr;
  Slab* previous = nullptr;

  bool is_empty() const noexcept { return free_count == slots; }
};

namespace {

using Lock = std::unique_lock<std::mutex>;

Slab* map_slab(std::size_t slot_bytes) noexcept {
  void* address = nullptr;
  if (os::map_pages(kSlabBytes, os::page_bytes(), "zerofill", &address) != 0) return nullptr;
  const int slots = std::min(static_cast<int>(kSlabBytes / slot_bytes), kMaxSlots);
  auto* slab = new (std::nothrow) Slab{static_cast<std::byte*>(address), slot_bytes, slots};
  if (slab == nullptr) {
    os::unmap_pages(address, kSlabBytes);
    return nullptr;
  }
  // A huge page would make the slots beside a touched one resident too.
  (void)os::advise_no_huge_pages(address, kSlabBytes);
  for (int i = slots; i-- > 0;) slab->free[slab->free_count++] = static_cast<std::uint8_t>(i);
  return slab;
}

void unmap_slab(Slab* slab) noexcept {
  unpoison(slab->address, kSlabBytes);
  os::unmap_pages(slab->address, kSlabBytes);
  delete slab;
}

class Slabs {
 public:
  std::byte* take(std::size_t slot_bytes, Slab** from) noexcept;
  void put(std::byte* slot, Slab* slab) noexcept;
  std::size_t trim() noexcept;

  void before_fork() noexcept { mutex_.lock(); }
  void after_fork_in_parent() noexcept { mutex_.unlock(); }
  void after_fork_in_child() noexcept {
    mutex_.unlock();
    remake_in_child(&mutex_);
  }

 private:
  /// The slabs of one size of slots.
  struct Class {
    Slab* usable = nullptr;  ///< those with a free slot
    int empty = 0;           ///< how many of these have no slot in use
  };

  // All of these need mutex_ to be held.
  void link(Slab* slab) noexcept;
  void unlink(Slab* slab) noexcept;
  Class& class_of(const Slab* slab) noexcept { return classes_[slab->slot_bytes / kSlotStep]; }

  std::mutex mutex_;
  Class classes_[kClasses + 1];  ///< by the size of a slot in steps
};

void Slabs::link(Slab* slab) noexcept {
  Class& of = class_of(slab);
  slab->previous = nullptr;
  slab->next = of.usable;
  if (of.usable != nullptr) of.usable->previous = slab;
  of.usable = slab;
  of.empty += slab->is_empty();
}

void Slabs::unlink(Slab* slab) noexcept {
  Class& of = class_of(slab);
  (slab->previous != nullptr ? slab->previous->next : of.usable) = slab->next;
  if (slab->next != nullptr) slab->next->previous = slab->previous;
  slab->next = slab->previous = nullptr;
  of.empty -= slab->is_empty();
}

std::byte* Slabs::take(std::size_t slot_bytes, Slab** from) noexcept {
  Lock lock(mutex_);
  Class& of = classes_[slot_bytes / kSlotStep];
  if (of.usable == nullptr) {
    lock.unlock();
    Slab* mapped = map_slab(slot_bytes);
    if (mapped == nullptr) return nullptr;
    lock.lock();
    link(mapped);
  }
  Slab* slab = of.usable;
  of.empty -= slab->is_empty();
  const int slot = slab->free[--slab->free_count];
  if (slab->free_count == 0) unlink(slab);
  *from = slab;
  return slab->address + static_cast<std::size_t>(slot) * slot_bytes;
}

// One empty slab stays in each class. Otherwise a loop could map and unmap a slab each time.
void Slabs::put(std::byte* slot, Slab* slab) noexcept {
  const auto index = static_cast<std::size_t>(slot - slab->address) / slab->slot_bytes;
  Lock lock(mutex_);
  if (slab->free_count == 0) link(slab);
  slab->free[slab->free_count++] = static_cast<std::uint8_t>(index);
  if (!slab->is_empty()) return;
  if (++class_of(slab).empty == 1) return;
  unlink(slab);
  lock.unlock();
  unmap_slab(slab);
}

std::size_t Slabs::trim() noexcept {
  Slab* empty = nullptr;
  Lock lock(mutex_);
  for (const Class& of : classes_) {
    Slab* slab = of.usable;
    while (slab != nullptr) {
      Slab* next = slab->next;
      if (slab->is_empty()) {
        unlink(slab);
        slab->next = empty;
        empty = slab;
      }
      slab = next;
    }
  }
  lock.unlock();
  std::size_t bytes = 0;
  while (empty != nullptr) {
    Slab* slab = empty;
    empty = slab->next;
    unmap_slab(slab);
    bytes += kSlabBytes;
  }
  return bytes;
}

Immortal<Slabs> the_slabs;

}  // namespace

std::optional<PlacedBlock> take_from_slab(std::size_t bytes, std::size_t alignment) noexcept {
  if (bytes > kLargestPayload || alignment > kLargestAlignment) return std::nullopt;
  const std::size_t slack = std::max(alignment, os::page_bytes()) - os::page_bytes();
  Block block;
  block.bytes = align_up(bytes + slack + kMaxColour, kSlotStep);
  block.address = the_slabs->take(block.bytes, &block.slab);
  if (block.address == nullptr) return std::nullopt;
  unpoison(block.address, block.bytes);
  block.colour = next_colour(alignment);
  block.content = Content::zero;
  std::byte* payload = align_up(block.address, alignment) + block.colour;
  return PlacedBlock{OwnedBlock(block), payload};
}

void put_into_slab(const Block& block) noexcept {
  if (os::discard_pages(block.address, block.bytes) != 0) return;  // its addresses are lost
  counters().returned.add(block.bytes);
  poison(block.address, block.bytes);
  the_slabs->put(block.address, block.slab);
}

std::size_t trim_slabs() noexcept { return the_slabs->trim(); }

void lock_slabs_before_fork() noexcept { the_slabs->before_fork(); }

void unlock_slabs_in_parent() noexcept { the_slabs->after_fork_in_parent(); }

void unlock_slabs_in_child() noexcept { the_slabs->after_fork_in_child(); }

}  // namespace zerofill::blocks
