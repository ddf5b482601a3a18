// Contract: how much memory was live and idle over time, for a profile. Any thread may call.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/immortal.h"

namespace zerofill::python {

class MemorySamples {
 public:
  MemorySamples() noexcept = default;

  // Large arrays that are made and freed are the events; between two, little changes. A sample is
  // taken after an event, but not after each: so one is taken before an event, too, after a while
  // without any, which shows how the last one left the memory. When there are too many samples,
  // every other one goes, and from then on they are taken half as often. These throw
  // std::bad_alloc.
  void take_before_event(Clock::time_point now) {
    const Clock::time_point last = last_event_.load(std::memory_order_relaxed);
    if (now - last >= kFirstPeriod) take_of_last_event(last, now);
  }
  void take_after_event(Clock::time_point now) {
    last_event_.store(now, std::memory_order_relaxed);
    if (now >= next_due_.load(std::memory_order_relaxed)) take(now);
  }

  void clear();

  /// Sets "samples", a list of (seconds of the clock, live bytes, idle bytes), and
  /// "most_idle_bytes".
  void describe(pybind11::dict* record);

  /// Threads of the parent may hold the mutex, and they are not here.
  void remake_in_child() { zerofill::remake_in_child(&mutex_); }

 private:
  struct Sample {
    Clock::time_point moment;
    std::uint64_t live;
    std::uint64_t idle;
  };

  void take_of_last_event(Clock::time_point last, Clock::time_point now);
  void take(Clock::time_point moment);

  static constexpr Clock::duration kFirstPeriod = std::chrono::milliseconds(20);

  std::atomic<Clock::time_point> last_event_{Clock::time_point{}};
  std::atomic<Clock::time_point> next_due_{Clock::time_point{}};
  std::mutex mutex_;  ///< guards all below; no Python code runs while it is held
  std::vector<Sample> samples_;
  Clock::duration period_{kFirstPeriod};
  std::uint64_t most_idle_ = 0;
};

inline Immortal<MemorySamples> memory_samples;

}  // namespace zerofill::python
