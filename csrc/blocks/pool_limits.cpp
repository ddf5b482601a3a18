#include "blocks/pool_limits.h"

#include <algorithm>

#include "base/options.h"
#include "base/units.h"
#include "blocks/budget.h"
#include "blocks/recent_peak.h"
#include "os/limits.h"

namespace zerofill::blocks {

std::size_t limit_bytes() noexcept {
  const std::size_t limit = options().pool_limit.load(std::memory_order_relaxed);
  if (limit != kAutomaticLimit) return limit;
  constexpr std::size_t kPartOfAddresses = 32;
  return std::min(
      {budget_total_bytes() / 4, 2 * in_use.bytes(), os::addresses_left() / kPartOfAddresses});
}

std::size_t held_limit_bytes() noexcept { return std::min(budget_total_bytes() / 128, 32 * MiB); }

}  // namespace zerofill::blocks
