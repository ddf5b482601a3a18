#include "blocks/budget.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>

#include "base/checked.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/units.h"
#include "os/limits.h"

namespace zerofill::blocks {
namespace {

/// Bytes of requests whose pages are not all resident yet.
std::atomic<std::size_t> reserved{0};

/// What a process should leave free for page tables, kernel buffers and everyone's next small
/// allocation.
std::size_t headroom(std::size_t total_bytes) noexcept {
  return std::min(std::max(total_bytes / 64, 4 * MiB), 256 * MiB);
}

/// The last figures that were read; a total of 0 for none yet.
std::atomic<std::size_t> last_total{0};
std::atomic<std::size_t> last_available{0};

enum class Figures { read, remembered, unknown };

/// Where the figures cannot be read, because there is no file descriptor left say, the last known
/// ones serve: unknown is not unlimited.
Figures read_budget(os::MemoryBudget* budget,
                    const os::Placement& placement = os::kUnplaced) noexcept {
  if (os::read_memory_budget(budget) == 0) {
    last_total.store(budget->total_bytes, std::memory_order_relaxed);
    last_available.store(budget->available_bytes, std::memory_order_relaxed);
    if (os::has_several_nodes()) {
      os::apply_nodes_to_budget(os::limiting_nodes(placement), budget);
    }
    return Figures::read;
  }
  budget->total_bytes = last_total.load(std::memory_order_relaxed);
  budget->available_bytes = last_available.load(std::memory_order_relaxed);
  std::snprintf(budget->source, sizeof budget->source,
                "when the limits could last be read; they cannot be read now");
  return budget->total_bytes != 0 ? Figures::remembered : Figures::unknown;
}

/// At load time, so that there are figures for later.
[[maybe_unused]] const bool kWasRead = []() noexcept {
  os::MemoryBudget budget;
  return read_budget(&budget) == Figures::read;
}();

std::size_t minus(std::size_t from, std::size_t amount) noexcept {
  return from > amount ? from - amount : 0;
}

// Reading the figures takes 50 us, a tenth of what 1 MiB of fresh shared memory takes or 4 MiB of
// private. So a look also allows requests that come within kRecentTime, up to a part of what was
// left. Another process, or a thread that looks at the same time, may be given that too: what a few
// of them are allowed is within the headroom.
constexpr std::size_t kPartOfLeft = 16;
constexpr std::size_t kPartOfHeadroom = 4;

std::atomic<std::size_t> allowed{0};
std::atomic<Clock::rep> allowed_until{0};

bool take_allowed(std::size_t bytes, Clock::time_point now) noexcept {
  std::size_t left = allowed.load();
  if (now.time_since_epoch().count() >= allowed_until.load()) return false;
  do {
    if (bytes > left) return false;
  } while (!allowed.compare_exchange_weak(left, left - bytes));
  return true;
}

/// What others have reserved since the look is taken off.
void allow(std::size_t bytes, std::size_t then_reserved, Clock::time_point when) noexcept {
  allowed.store(minus(bytes, minus(reserved.load(), then_reserved)));
  allowed_until.store((when + kRecentTime).time_since_epoch().count());
}

/// What a budget leaves, without what others have reserved and without the headroom.
std::size_t left_of(const os::MemoryBudget& budget, std::size_t others) noexcept {
  return minus(minus(budget.available_bytes, others), headroom(budget.total_bytes));
}

/// Takes off as much as there is. Never below zero: the child of a fork starts at zero, also for
/// requests that were under way.
void lower(std::atomic<std::size_t>* amount, std::size_t bytes) noexcept {
  std::size_t now = amount->load();
  while (!amount->compare_exchange_weak(now, minus(now, bytes))) {
  }
}

/// False, with nothing added, when the sum overflows.
bool add_to_reserved(std::size_t bytes, std::size_t* before) noexcept {
  *before = reserved.load();
  std::size_t after;
  do {
    if (!checked_add(*before, bytes, &after)) return false;
  } while (!reserved.compare_exchange_weak(*before, after));
  return true;
}

}  // namespace

bool is_memory_low() noexcept {
  os::MemoryBudget budget;
  return read_budget(&budget) != Figures::unknown &&
         budget.available_bytes < 2 * headroom(budget.total_bytes);
}

bool would_fit(std::size_t bytes, const os::Placement& placement) noexcept {
  os::MemoryBudget budget;
  return read_budget(&budget, placement) == Figures::unknown ||
         bytes <= left_of(budget, reserved.load());
}

std::size_t budget_total_bytes() noexcept {
  const std::size_t known = last_total.load(std::memory_order_relaxed);
  os::MemoryBudget budget;
  if (known != 0 || read_budget(&budget) == Figures::unknown) return known;
  return budget.total_bytes;
}

Reservation::Reservation(std::size_t bytes, const os::Placement& placement) : unsettled_(bytes) {
  // Reserve first and read second. A reservation from before this call is then either still in
  // `before`, or its pages are resident and in the system's figures. Of two requests at once only
  // the later one sees the other, so they do not refuse each other.
  std::size_t before = 0;
  const bool added = add_to_reserved(bytes, &before);
  if (!added) unsettled_ = 0;
  const Clock::time_point now = Clock::now();
  // With several nodes they depend on the placement.
  if (added && !os::has_several_nodes() && take_allowed(bytes, now)) {
    lower(&last_available, bytes);
    return;
  }
  os::MemoryBudget budget;
  const Figures figures = read_budget(&budget, placement);
  if (figures == Figures::unknown) {
    if (added) return;
    throw OutOfMemory(ENOMEM);
  }
  const std::size_t available = left_of(budget, before);
  if (added && bytes <= available) {
    // In case that the figures cannot be read next time.
    last_available.store(minus(budget.available_bytes, bytes), std::memory_order_relaxed);
    const std::size_t most =
        std::min((available - bytes) / kPartOfLeft, headroom(budget.total_bytes) / kPartOfHeadroom);
    if (figures == Figures::read) allow(most, before + bytes, now);
    return;
  }
  settle(bytes);
  throw OutOfMemory(available, budget.source);
}

void Reservation::settle(std::size_t bytes) noexcept {
  std::size_t mine = unsettled_.load();
  while (!unsettled_.compare_exchange_weak(mine, minus(mine, bytes))) {
  }
  bytes = std::min(mine, bytes);
  lower(&reserved, bytes);
}

Reservation::~Reservation() { settle(unsettled_); }

void forget_last_look() noexcept { allowed.store(0); }

void forget_reservations_in_child() noexcept {
  reserved.store(0);
  forget_last_look();
}

}  // namespace zerofill::blocks
