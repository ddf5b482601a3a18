// Segments: the mappings that small memory is made of, and what is known of each of their pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/units.h"
#include "heap/bitmap.h"

namespace zerofill::heap {

constexpr std::size_t kPageBytes = 4 * KiB;  ///< what the heap counts in, whatever the system's are
constexpr std::size_t kSegmentBytes = 32 * MiB;
constexpr std::size_t kSegmentPages = kSegmentBytes / kPageBytes;
constexpr std::size_t kHugePagePages = kHugePageUnit / kPageBytes;

struct NodeHeap;
struct Slab;

/// Who has a page: nobody, a slab, or a run of pages that is one piece of memory. One word, because
/// whoever frees an array reads it. Addresses have 48 bits, as page_map.cpp says.
class PageOwner {
 public:
  PageOwner() = default;
  static PageOwner slab(Slab* slab, int size_class) noexcept {
    return PageOwner(static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(slab)) |
                     static_cast<std::uint64_t>(size_class) << kClassShift);
  }
  static PageOwner run(std::size_t first, std::size_t pages) noexcept {
    return PageOwner(std::uint64_t{first} << 32 | std::uint64_t{pages} << 1 | 1);
  }

  bool is_run() const noexcept { return (word_ & 1) != 0; }
  std::size_t first() const noexcept { return static_cast<std::size_t>(word_ >> 32); }
  std::size_t pages() const noexcept { return static_cast<std::size_t>((word_ & 0xFFFFFFFF) >> 1); }

  Slab* slab() const noexcept {
    const std::uint64_t address = word_ & ((std::uint64_t{1} << kClassShift) - 1);
    return reinterpret_cast<Slab*>(static_cast<std::uintptr_t>(address));
  }
  int size_class() const noexcept { return static_cast<int>(word_ >> kClassShift); }

 private:
  static constexpr int kClassShift = 48;
  explicit PageOwner(std::uint64_t word) noexcept : word_(word) {}
  std::uint64_t word_;
};

/// A mapping that is divided into runs of pages. All zero is the state of a fresh one.
struct Segment {
  NodeHeap* heap;  ///< its owner
  std::byte* address;
  std::size_t pages;                 ///< up to kSegmentPages
  std::size_t first_huge_page;       ///< from here on the system was asked for huge pages
  std::size_t place;                 ///< in the index
  Bitmap<kSegmentPages> used;        ///< not free
  Bitmap<kSegmentPages> touched;     ///< handed out since they were fresh: they may hold anything
  std::uint8_t ages[kSegmentPages];  ///< of free pages that were touched, in ticks of the page heap
  PageOwner
      owners[kSegmentPages];  ///< of the page where a run's memory starts, and of all of a slab

  std::byte* page(std::size_t index) const noexcept { return address + index * kPageBytes; }
  std::size_t page_of(const void* memory) const noexcept {
    return static_cast<std::size_t>(static_cast<const std::byte*>(memory) - address) / kPageBytes;
  }
  PageOwner& owner_of(const void* memory) noexcept { return owners[page_of(memory)]; }
};

static_assert(std::is_trivial_v<Segment>);

/// A segment of at least `least_pages` fresh pages, in the page map; smaller than kSegmentBytes
/// where the system has no room for that. The first `small_pages` pages are not on huge pages. Null
/// where there is none.
Segment* map_segment(std::size_t least_pages, std::size_t small_pages, NodeHeap* heap) noexcept;

/// pre: nobody uses a page of it.
void unmap_segment(Segment* segment) noexcept;

}  // namespace zerofill::heap
