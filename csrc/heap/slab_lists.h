// Slabs, which are runs of pages that are divided into slots of one size class, and lists of those
// that have a free slot. tcmalloc's word is central free list.
//
// The mutex of the page heap must be held for every call.
#pragma once

#include <cstddef>

#include "heap/bitmap.h"
#include "heap/page_heap.h"
#include "heap/size_classes.h"

namespace zerofill::heap {

constexpr std::size_t kMostSlots = 512;

/// Its record is not in its pages, so these are never touched for it.
struct Slab {
  Run run;
  int size_class;
  std::size_t slots;
  std::size_t free_count;
  Slab* next;
  Slab* previous;
  Bitmap<kMostSlots> used;
};

class SlabLists {
 public:
  explicit SlabLists(PageHeap* pages) noexcept : pages_(pages) {}

  /// Takes up to `count` slots of a class, at the lowest address first; returns how many. None when
  /// there is no memory.
  int take(int size_class, void** slots, int count, Lock& lock) noexcept;

  /// Takes a slot back. A slab of which nothing is in use returns its pages.
  void put(Slab* slab, const void* slot, Lock& lock) noexcept;

 private:
  Slab* make(int size_class, Lock& lock) noexcept;
  void link(Slab* slab) noexcept;
  void unlink(Slab* slab) noexcept;

  PageHeap* pages_;
  Slab* usable_[kClasses] = {};  ///< slabs with a free slot
};

}  // namespace zerofill::heap
