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

// What is lost with one that is refused, at least: not the first of them tells, the next may do.
constexpr nanoseconds kRefusedTime = milliseconds(2);

// After that much was lost within kScarceTime, no huge page is asked for as long.
constexpr nanoseconds kMostLostTime = milliseconds(5);
constexpr Clock::duration kScarceTime = std::chrono::seconds(1);

std::atomic<Clock::rep> scarce_until{0};
std::atomic<Clock::rep> counted_since{0};
std::atomic<nanoseconds::rep> lost_time{0};
std::atomic<unsigned long long> known_compactions{0};

Clock::rep now() noexcept { return Clock::now().time_since_epoch().count(); }

bool was_compacting() noexcept {
  const unsigned long long count = os::count_compactions();
  return count > known_compactions.exchange(count, std::memory_order_relaxed);
}

}  // namespace

bool should_ask_for_huge_pages() noexcept {
  if (!options().huge_pages.load(std::memory_order_relaxed)) return false;
  const Clock::rep until = scarce_until.load(std::memory_order_relaxed);
  return until == 0 || now() >= until;
}

void note_huge_page(bool granted, nanoseconds cpu_time) noexcept {
  if (granted && (cpu_time <= kSlowTime || !was_compacting())) return;
  const Clock::rep time = now();
  if (time - counted_since.load() > kScarceTime.count()) {
    counted_since = time;
    lost_time = 0;
  }
  const nanoseconds::rep lost = std::max(cpu_time, granted ? kSlowTime : kRefusedTime).count();
  if (lost_time.fetch_add(lost) + lost > nanoseconds(kMostLostTime).count()) {
    scarce_until = time + kScarceTime.count();
  }
}

}  // namespace zerofill::blocks
