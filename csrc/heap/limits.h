// How much free memory the heap may keep.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/options.h"
#include "base/units.h"
#include "blocks/pool_limits.h"
#include "heap/node_heaps.h"

namespace zerofill::heap {

/// What is kept in any case: less would cost a system call for a few small arrays.
constexpr std::size_t kLeastIdleBytes = 1 * MiB;

/// Bytes of a heap's free pages that may stay resident.
inline std::size_t idle_limit_bytes() noexcept {
  const std::size_t limit = options().pool_limit.load(std::memory_order_relaxed);
  const bool keeps = decay_time() != Clock::duration::zero();
  const std::size_t wanted = limit != kAutomaticLimit ? limit : blocks::most_idle_bytes();
  return std::max(keeps ? node_heaps::share_of(wanted) : 0, kLeastIdleBytes);
}

/// Bytes of them beyond which the system may take them.
inline std::size_t held_limit_bytes() noexcept {
  return node_heaps::share_of(blocks::held_limit_bytes());
}

}  // namespace zerofill::heap
