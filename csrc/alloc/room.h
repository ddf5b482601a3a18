// Making room: the pool gives way where memory would not be enough otherwise.
#pragma once

#include <cstddef>

#include "alloc/allocator.h"
#include "base/errors.h"
#include "blocks/budget.h"
#include "blocks/pool.h"

namespace zerofill::alloc {

/// For pages that are made when they are touched. Trims the pool first where they would not fit
/// beside it, because a page fault cannot fail softly later.
inline void make_room_for(std::size_t bytes) noexcept {
  if (blocks::pool_sizes().bytes() != 0 && !blocks::would_fit(bytes)) trim();
}

/// Returns attempt(0). Where that throws OutOfMemory, trims the pool and tries once more, with the
/// bytes that are known to be free then.
template <typename Attempt>
auto with_room(Attempt attempt) {
  std::size_t free_bytes = 0;
  try {
    return attempt(free_bytes);
  } catch (const OutOfMemory& error) {
    free_bytes = error.available_bytes() + trim();
  }
  return attempt(free_bytes);
}

}  // namespace zerofill::alloc
