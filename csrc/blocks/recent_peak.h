// Contract: how many bytes of blocks are in use, and their recent peak, which the pool's default
// limit follows. Arrays that are too small for a block do not count; all arrays are counted, by the
// bytes that they asked for, in python/live_arrays.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "base/clock.h"
#include "base/options.h"

namespace zerofill::blocks {

/// The bytes in use, and their peak over this window of time and the one before. Any thread may
/// call. No function takes a lock: two threads that begin a window at once may lose a peak between
/// them, which the next change makes good.
class RecentPeak {
 public:
  void change(std::ptrdiff_t bytes, Clock::time_point now, Clock::duration window) noexcept {
    const std::size_t before = in_use_.fetch_add(static_cast<std::size_t>(bytes));
    begin_window_if_due(now.time_since_epoch().count(), window.count());
    raise_peak(std::max(before, before + static_cast<std::size_t>(bytes)));
  }

  std::size_t bytes() const noexcept { return std::max(peak_.load(), former_peak_.load()); }

 private:
  void begin_window_if_due(Clock::rep now, Clock::rep window) noexcept {
    Clock::rep start = start_.load();
    const Clock::rep age = now - start;
    if (age <= window || !start_.compare_exchange_strong(start, now)) return;
    const std::size_t peak = peak_.exchange(0);
    former_peak_.store(age / 2 > window ? 0 : peak);
  }

  void raise_peak(std::size_t bytes) noexcept {
    std::size_t seen = peak_.load();
    while (seen < bytes && !peak_.compare_exchange_weak(seen, bytes)) {
    }
  }

  std::atomic<std::size_t> in_use_{0};
  std::atomic<std::size_t> peak_{0};
  std::atomic<std::size_t> former_peak_{0};
  std::atomic<Clock::rep> start_{0};
};

/// Of the blocks in this process.
inline RecentPeak in_use;

/// Says that so many bytes more are in use now, or less. The window is the time that unused blocks
/// stay in the pool.
inline void count_in_use(std::ptrdiff_t bytes) noexcept {
  in_use.change(bytes, Clock::now(), decay_time());
}

}  // namespace zerofill::blocks
