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

// The small pages of shared memory take 1 ms. A virtual machine may have given large free blocks
// back to its host (free page reporting), and gets each page of them again when it is touched,
// which takes 2 to 6 ms. Small pages then come from smaller blocks, which it has.
constexpr nanoseconds kSlowSharedTime = milliseconds(1);

// What is lost with one that is refused, at least: not the first of them tells, the next may do.
constexpr nanoseconds kRefusedTime = milliseconds(2);

// After that much was lost within kScarceTime, no huge page is asked for as long.
constexpr nanoseconds kMostLostTime = milliseconds(5);
constexpr Clock::duration kScarceTime = std::chrono::seconds(1);

Clock::rep now() noexcept { return Clock::now().time_since_epoch().count(); }

class Watch {
 public:
  bool is_scarce() const noexcept {
    const Clock::rep until = scarce_until_.load(std::memory_order_relaxed);
    return until != 0 && now() < until;
  }

  void note_loss(nanoseconds lost) noexcept {
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

Watch watches[2];
std::atomic<unsigned long long> known_compactions{0};

Watch& watch_of(Sharing sharing) noexcept { return watches[sharing == Sharing::yes ? 1 : 0]; }

bool was_compacting() noexcept {
  const unsigned long long count = os::count_compactions();
  return count > known_compactions.exchange(count, std::memory_order_relaxed);
}

nanoseconds lost_by_slow(nanoseconds cpu_time, Sharing sharing) noexcept {
  if (sharing == Sharing::yes) return cpu_time - kSlowSharedTime;
  return cpu_time > kSlowTime && was_compacting() ? cpu_time : nanoseconds(0);
}

}  // namespace

bool should_ask_for_huge_pages(Sharing sharing) noexcept {
  return options().huge_pages.load(std::memory_order_relaxed) && !watch_of(sharing).is_scarce();
}

void note_huge_page(bool granted, nanoseconds cpu_time, Sharing sharing) noexcept {
  const nanoseconds lost =
      granted ? lost_by_slow(cpu_time, sharing) : std::max(cpu_time, kRefusedTime);
  if (lost > nanoseconds(0)) watch_of(sharing).note_loss(lost);
}

}  // namespace zerofill::blocks
