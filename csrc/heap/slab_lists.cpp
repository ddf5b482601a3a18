#include "heap/slab_lists.h"

#include <algorithm>
#include <new>

namespace zerofill::heap {
namespace {

void own_pages(const Run& run, PageOwner owner) noexcept {
  std::fill_n(run.segment->owners + run.first, run.pages, owner);
}

/// The lowest free slot. pre: there is one.
void* take_slot(Slab* slab) noexcept {
  const std::size_t index = slab->used.find_zeros(1);
  slab->used.set(index, 1);
  --slab->free_count;
  return slab->run.start() + index * slot_bytes(slab->size_class);
}

}  // namespace

int SlabLists::take(int size_class, void** slots, int count, Lock& lock) noexcept {
  int taken = 0;
  while (taken < count) {
    Slab* slab = usable_[size_class];
    if (slab == nullptr) {
      if (taken != 0) break;  // a new slab is for who needs a slot now
      slab = make(size_class, lock);
      if (slab == nullptr) break;
      link(slab);
    }
    slots[taken++] = take_slot(slab);
    if (slab->free_count == 0) unlink(slab);
  }
  return taken;
}

Slab* SlabLists::make(int size_class, Lock& lock) noexcept {
  const Run run = pages_->take(slab_bytes(size_class) / kPageBytes, lock);
  if (run.segment == nullptr) return nullptr;
  auto* slab = new (std::nothrow) Slab{};
  if (slab == nullptr) {
    pages_->put(run, lock);
    return nullptr;
  }
  slab->run = run;
  slab->size_class = size_class;
  slab->slots = slab_bytes(size_class) / slot_bytes(size_class);
  slab->free_count = slab->slots;
  slab->used.set(slab->slots, kMostSlots - slab->slots);
  own_pages(run, PageOwner::slab(slab, size_class));
  return slab;
}

void SlabLists::put(Slab* slab, const void* slot, Lock& lock) noexcept {
  const auto offset =
      static_cast<std::size_t>(static_cast<const std::byte*>(slot) - slab->run.start());
  slab->used.clear(offset / slot_bytes(slab->size_class), 1);
  if (slab->free_count++ == 0) link(slab);
  if (slab->free_count < slab->slots) return;
  unlink(slab);
  pages_->put(slab->run, lock);
  delete slab;
}

void SlabLists::link(Slab* slab) noexcept {
  Slab*& first = usable_[slab->size_class];
  slab->previous = nullptr;
  slab->next = first;
  if (first != nullptr) first->previous = slab;
  first = slab;
}

void SlabLists::unlink(Slab* slab) noexcept {
  (slab->previous != nullptr ? slab->previous->next : usable_[slab->size_class]) = slab->next;
  if (slab->next != nullptr) slab->next->previous = slab->previous;
  slab->next = slab->previous = nullptr;
}

}  // namespace zerofill::heap
