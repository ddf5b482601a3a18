#include "python/memory_samples.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "alloc/allocator.h"
#include "base/options.h"
#include "python/live_arrays.h"

namespace py = pybind11;

namespace zerofill::python {
namespace {

constexpr std::size_t kMost = 2000;

}  // namespace

void MemorySamples::take(Clock::time_point moment) {
  const alloc::Stats stats = alloc::stats();
  const std::uint64_t idle =
      stats.pooled_clean_bytes + stats.pooled_dirty_bytes + stats.heap_idle_bytes;
  const std::lock_guard<std::mutex> lock(mutex_);
  next_due_.store(moment + period_);
  samples_.push_back({moment, live_arrays.bytes(), idle});
  most_idle_ = std::max(most_idle_, idle);
  if (samples_.size() < kMost) return;
  for (std::size_t i = 0; i < kMost / 2; ++i) samples_[i] = samples_[2 * i + 1];
  samples_.resize(kMost / 2);
  period_ *= 2;
}

void MemorySamples::take_of_last_event(Clock::time_point last, Clock::time_point now) {
  if (last == Clock::time_point{}) return;
  if (now - last > decay_time()) return;  // what was idle may have gone since
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!samples_.empty() && samples_.back().moment == last) return;
  }
  take(last);
}

void MemorySamples::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  samples_.clear();
  samples_.reserve(kMost);  // a fork never comes while it grows
  period_ = kFirstPeriod;
  most_idle_ = 0;
  last_event_.store({});
  next_due_.store({});
}

void MemorySamples::describe(py::dict* record) {
  std::vector<Sample> samples;
  std::uint64_t most_idle = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    samples = samples_;
    most_idle = most_idle_;
  }
  py::list rows;
  for (const Sample& sample : samples) {
    const std::chrono::duration<double> moment = sample.moment.time_since_epoch();
    rows.append(py::make_tuple(moment.count(), sample.live, sample.idle));
  }
  (*record)["samples"] = rows;
  (*record)["most_idle_bytes"] = most_idle;
}

}  // namespace zerofill::python
