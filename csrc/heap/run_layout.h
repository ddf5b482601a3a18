// How a piece of memory lies in its run of pages.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/align.h"
#include "heap/segment.h"
#include "heap/size_classes.h"

namespace zerofill::heap {

/// Where in its run a piece starts: not all at the start of a page, or they would compete for the
/// same sets of a cache. The same for one run always, whose cache lines may be warm.
inline std::size_t colour_of(std::size_t first_page, std::size_t room) noexcept {
  constexpr std::size_t kStep = 5 * kLineBytes;
  const std::size_t places = std::min(kPageBytes, room + kLineBytes) / kStep;
  return places < 2 ? 0 : first_page % places * kStep;
}

/// Pages for a piece, and one more where it would fill them to the last byte and that is little.
inline std::size_t pages_for(std::size_t bytes) noexcept {
  constexpr std::size_t kManyPages = 16;
  const std::size_t pages = ceil_divide(bytes, kPageBytes);
  return pages + (bytes % kPageBytes == 0 && pages >= kManyPages ? 1 : 0);
}

}  // namespace zerofill::heap
