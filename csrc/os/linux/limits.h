// Contract: the budget as the files below `root` give it, and how it is made. For os/linux/ and its
// native tests alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "os/limits.h"

namespace zerofill::os {

/// The figures that say how much of what is used can be reclaimed, in one unit.
struct FilePages {
  std::uint64_t inactive = 0;  ///< pages on the kernel's two lists of file pages
  std::uint64_t active = 0;
  std::uint64_t cache = UINT64_MAX;  ///< the page cache
  std::uint64_t shmem = 0;           ///< the part of it that can only be swapped

  /// File pages are reclaimable whether they are in use (active) or not: the kernel does that
  /// before it refuses a page. On the same lists are pages that were freed lazily (MADV_FREE), and
  /// they stay there when they are written to again, so those must not count. The pool is trimmed
  /// where they would be needed.
  std::uint64_t reclaimable() const noexcept {
    return std::min(inactive + active, cache > shmem ? cache - shmem : 0);
  }

  std::uint64_t freed_lazily() const noexcept { return inactive + active - reclaimable(); }
};

/// Version 1 writes "no limit" as the largest multiple of a page below 2**63.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

/// Makes the limit the budget if less is available under it.
inline void tighten(std::uint64_t limit, std::uint64_t used, const char* name, const char* whose,
                    MemoryBudget* budget) noexcept {
  const std::uint64_t available = limit > used ? limit - used : 0;
  if (limit >= kNoLimit || available >= budget->available_bytes) return;
  budget->available_bytes = available;
  budget->total_bytes = limit;
  std::snprintf(budget->source, sizeof budget->source, "%s of %.140s", name, whose);
}

/// read_memory_budget() with `root` put before every path.
int read_memory_budget_below(const char* root, MemoryBudget* budget) noexcept;

}  // namespace zerofill::os
