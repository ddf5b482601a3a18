#include "blocks/pool_limits.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "base/options.h"
#include "base/units.h"
#include "blocks/budget.h"
#include "blocks/recent_peak.h"
#include "os/limits.h"

namespace zerofill::blocks {
namespace {

/// As os::addresses_left(), but that there is no limit is looked up every 10 ms only.
std::size_t addresses_left() noexcept {
  constexpr Clock::rep kInterval = Clock::duration(std::chrono::milliseconds(10)).count();
  static std::atomic<Clock::rep> unlimited_until{0};
  const Clock::rep now = Clock::now().time_since_epoch().count();
  if (now < unlimited_until.load(std::memory_order_relaxed)) return SIZE_MAX;
  const std::size_t left = os::addresses_left();
  if (left == SIZE_MAX) unlimited_until.store(now + kInterval, std::memory_order_relaxed);
  return left;
}

}  // namespace

std::size_t most_idle_bytes() noexcept {
  constexpr std::size_t kPartOfAddresses = 32;
  return std::min(budget_total_bytes() / 4, addresses_left() / kPartOfAddresses);
}

std::size_t limit_bytes() noexcept {
  const std::size_t limit = options().pool_limit.load(std::memory_order_relaxed);
  return limit != kAutomaticLimit ? limit : std::min(most_idle_bytes(), 2 * in_use.bytes());
}

std::size_t held_limit_bytes() noexcept { return std::min(budget_total_bytes() / 128, 32 * MiB); }

bool may_pool_shared(int blocks, std::size_t held_bytes) noexcept {
  constexpr int kMostBlocks = 64;
  return blocks <= kMostBlocks && held_bytes <= budget_total_bytes() / 16;
}

}  // namespace zerofill::blocks
