// Making room: the pool gives way where memory would not be enough otherwise.
#pragma once

#include <cstddef>

#include "alloc/attachments.h"
#include "base/errors.h"
#include "blocks/budget.h"
#include "blocks/pool.h"
#include "blocks/slabs.h"
#include "os/nodes.h"
#include "os/threads.h"

namespace zerofill::alloc {

/// Returns all memory that is pooled to the system, and unmaps what is kept of other processes';
/// returns how many bytes that was.
inline std::size_t trim_blocks() noexcept {
  blocks::trim_slabs();  // which returns addresses, not memory
  return blocks::trim_pool() + trim_attachments();
}

/// For pages that are made when they are touched. Trims the pool first where they would not fit
/// beside it, because a page fault cannot fail softly later.
inline void make_room_for(std::size_t bytes, const os::Placement& placement) noexcept {
  if (blocks::pool_sizes().bytes() != 0 && !blocks::would_fit(bytes, placement)) trim_blocks();
}

/// Returns attempt(). Where that throws OutOfMemory, trims the pool and tries again, for 20 ms:
/// what was just returned can be on the kernel's lists of one CPU for a while, and counts as used
/// until then. Nothing that was read before is taken for true afterwards, because others may have
/// taken it.
template <typename Attempt>
auto with_room(Attempt attempt) {
  int tries = 0;
  try {
    return attempt();
  } catch (const OutOfMemory&) {
    blocks::forget_last_look();
    // Where there was nothing to trim, another thread may have purged the pool just before.
    tries = trim_blocks() != 0 ? 20 : 3;
  }
  for (; tries > 0; --tries) {
    try {
      return attempt();
    } catch (const OutOfMemory&) {
      blocks::forget_last_look();
      os::sleep_microseconds(1000);
    }
  }
  return attempt();
}

}  // namespace zerofill::alloc
