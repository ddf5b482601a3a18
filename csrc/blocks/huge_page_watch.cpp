#include "blocks/huge_page_watch.h"

#include <algorithm>
#include <atomic>

#include "base/clock.h"
#include "base/options.h"
#include "os/pages.h"

namespace zerofill::blocks {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A huge page takes 0.13 to 0.25 ms of a CPU's time, and longer where the system has to move other
// pages about for it (compaction), but also where a virtual machine has to get the memory first.
// The small pages in its place take 0.7 ms.
constexpr nanoseconds kSlowTime = microseconds(700);

// The small pages of shared memory take a thread 1 ms. Collapsing waits for each CPU that has
// touched pages lately (lru_add_drain_all() in the kernel). A virtual machine may have given large
// free blocks back to its host (free page reporting), and gets each page of them again when it is
// touched, in 2 to 6 ms; small pages then come from smaller blocks, which it has.
constexpr nanoseconds kSlowCollapse = milliseconds(1);

// What is lost with one that is refused, at least: not the first of them tells, the next may do.
constexpr nanoseconds kRefusedTime = milliseconds(2);

// After that much was lost within kScarceTime, no huge page is asked for as long.
constexpr nanoseconds kMostLostTime = milliseconds(5);
constexpr Clock::duration kScarceTime = std::chrono::seconds(1);

Clock::rep now() noexcept { return Clock::now().time_since_epoch().count(); }

/// What was lost lately.
class Losses {
 public:
  bool are_too_many() const noexcept {
    const Clock::rep until = scarce_until_.load(std::memory_order_relaxed);
    return until != 0 && now() < until;
  }

  void add(nanoseconds lost) noexcept {
    const Clock::rep time = now();
    if (time - counted_since_.load() > kScarceTime.count()) {
      counted_since_ = time;
      lost_time_ = 0;
    }
    if (lost_time_.fetch_add(lost.count()) + lost.count() > kMostLostTime.count()) {
      scarce_until_ = time + kScarceTime.count();
    }
  }

 private:
  std::atomic<Clock::rep> scarce_until_{0};
  std::atomic<Clock::rep> counted_since_{0};
  std::atomic<nanoseconds::rep> lost_time_{0};
};

Losses by_faults;
Losses by_collapsing;
std::atomic<unsigned long long> known_compactions{0};

bool are_allowed() noexcept { return options().huge_pages.load(std::memory_order_relaxed); }

bool was_compacting() noexcept {
  const unsigned long long count = os::count_compactions();
  return count > known_compactions.exchange(count, std::memory_order_relaxed);
}

}  // namespace

bool should_ask_for_huge_pages() noexcept { return are_allowed() && !by_faults.are_too_many(); }

void note_huge_page(bool granted, nanoseconds cpu_time) noexcept {
  if (granted && (cpu_time <= kSlowTime || !was_compacting())) return;
  by_faults.add(std::max(cpu_time, granted ? kSlowTime : kRefusedTime));
}

bool should_collapse() noexcept { return are_allowed() && !by_collapsing.are_too_many(); }

void note_collapse(bool granted, nanoseconds time, std::size_t pages) noexcept {
  const nanoseconds lost =
      granted ? time - static_cast<long>(pages) * kSlowCollapse : std::max(time, kRefusedTime);
  if (lost > nanoseconds(0)) by_collapsing.add(lost);
}

}  // namespace zerofill::blocks
