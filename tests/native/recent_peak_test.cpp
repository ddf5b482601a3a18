// blocks/recent_peak: the peak of what was in use in this window of time and in the one before.
#include "blocks/recent_peak.h"

#include <utility>

#include "alloc/allocator.h"
#include "base/units.h"
#include "check.h"

namespace {

using namespace zerofill;
using blocks::RecentPeak;
using std::chrono::seconds;

constexpr Clock::duration kWindow = seconds(10);
constexpr Clock::time_point kStart{seconds(1000)};

void the_peak_stays_when_memory_is_freed() {
  RecentPeak peak;
  peak.change(300, kStart, kWindow);
  peak.change(200, kStart, kWindow);
  peak.change(-400, kStart, kWindow);
  CHECK(peak.bytes() == 500);
}

void the_peak_of_the_window_before_counts_too() {
  RecentPeak peak;
  peak.change(500, kStart, kWindow);
  peak.change(-500, kStart + seconds(1), kWindow);
  peak.change(100, kStart + seconds(11), kWindow);
  CHECK(peak.bytes() == 500);
  peak.change(100, kStart + seconds(22), kWindow);
  CHECK(peak.bytes() == 200);
}

void a_peak_of_long_ago_does_not_count() {
  RecentPeak peak;
  peak.change(500, kStart, kWindow);
  peak.change(-400, kStart + seconds(1), kWindow);
  peak.change(1, kStart + seconds(100), kWindow);
  CHECK(peak.bytes() == 101);
}

void what_is_in_use_all_the_time_counts() {
  RecentPeak peak;
  peak.change(500, kStart, kWindow);
  peak.change(-500, kStart + seconds(100), kWindow);
  CHECK(peak.bytes() == 500);
}

/// Nobody has to count by hand: an allocation counts for as long as it lives.
void allocations_count_while_they_live() {
  const std::size_t before = blocks::in_use.bytes();
  {
    alloc::Allocation one = alloc::acquire({300 * MiB, 64, alloc::Commit::lazy}, {});
    CHECK(blocks::in_use.bytes() >= before + 300 * MiB);
    const alloc::Allocation moved = std::move(one);
    CHECK(blocks::in_use.bytes() < before + 301 * MiB);
  }
  for (int i = 0; i < 3; ++i) alloc::acquire({300 * MiB, 64, alloc::Commit::lazy}, {});
  CHECK(blocks::in_use.bytes() < before + 301 * MiB);
}

}  // namespace

int main() {
  the_peak_stays_when_memory_is_freed();
  the_peak_of_the_window_before_counts_too();
  a_peak_of_long_ago_does_not_count();
  what_is_in_use_all_the_time_counts();
  allocations_count_while_they_live();
}
