#include "heap/segment.h"

#include <algorithm>

#include "base/align.h"
#include "base/poison.h"
#include "blocks/huge_page_watch.h"
#include "heap/page_map.h"
#include "os/pages.h"

namespace zerofill::heap {
namespace {

std::size_t record_bytes() noexcept { return align_up(sizeof(Segment), os::page_bytes()); }

/// The system refuses large mappings before small ones where addresses are limited.
std::size_t map_largest(std::size_t least_bytes, void** address) noexcept {
  for (const std::size_t bytes : {kSegmentBytes, 8 * MiB, kHugePageUnit}) {
    if (bytes >= least_bytes &&
        os::map_pages(bytes, kHugePageUnit, "zerofill", address, os::Reserve::no) == 0)
      return bytes;
  }
  return 0;
}

void choose_page_sizes(Segment* segment, std::size_t small_pages) noexcept {
  const std::size_t small_bytes = small_pages * kPageBytes;
  const std::size_t bytes = segment->pages * kPageBytes;
  const bool is_huge =
      os::huge_page_bytes() == kHugePageUnit && bytes > small_bytes &&
      blocks::should_ask_for_huge_pages() &&
      os::advise_huge_pages(segment->address + small_bytes, bytes - small_bytes) == 0;
  segment->first_huge_page = is_huge ? small_pages : segment->pages;
  const std::size_t rest = segment->first_huge_page * kPageBytes;
  if (rest != 0) (void)os::advise_no_huge_pages(segment->address, rest);
}

}  // namespace

Segment* map_segment(std::size_t least_pages, std::size_t small_pages, NodeHeap* heap) noexcept {
  void* record = nullptr;
  if (os::map_pages(record_bytes(), os::page_bytes(), "zerofill", &record) != 0) return nullptr;
  void* address = nullptr;
  const std::size_t bytes = map_largest(least_pages * kPageBytes, &address);
  auto* segment = static_cast<Segment*>(record);  // fresh pages are zero
  segment->heap = heap;
  segment->address = static_cast<std::byte*>(address);
  segment->pages = bytes / kPageBytes;
  if (bytes == 0 || !page_map::insert(segment->address, bytes, segment)) {
    if (bytes != 0) os::unmap_pages(address, bytes);
    os::unmap_pages(record, record_bytes());
    return nullptr;
  }
  segment->used.set(segment->pages, kSegmentPages - segment->pages);
  choose_page_sizes(segment, std::min(small_pages, segment->pages));
  poison(segment->address, bytes);
  return segment;
}

void unmap_segment(Segment* segment) noexcept {
  const std::size_t bytes = segment->pages * kPageBytes;
  page_map::erase(segment->address, bytes);
  unpoison(segment->address, bytes);
  os::unmap_pages(segment->address, bytes);
  os::unmap_pages(segment, record_bytes());
}

}  // namespace zerofill::heap
