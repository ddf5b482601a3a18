// Contract: which lines of Python code make large arrays, and how long the memory of those takes.
// Recorded while a profile is being taken, and at no other time.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "base/clock.h"
#include "base/counters.h"
#include "base/units.h"
#include "python/memory_samples.h"

namespace zerofill::python {

/// Arrays of fewer bytes are not recorded: none is, while no profile is being taken.
inline std::atomic<std::size_t> least_recorded_bytes{SIZE_MAX};

/// Adds an array, made since `start`, to the line of code that runs in the calling thread: the
/// innermost one that is not in a library whose files are skipped. With or without the GIL; without
/// it, no line is known. `populated` says whether pages were made resident in that time, which is
/// the system's work.
void record_made(std::size_t bytes, Clock::time_point start, bool populated) noexcept;

/// Adds the time since `start` that it took to free an array.
void record_freed(Clock::time_point start) noexcept;

/// Reads the clock before an array is made or freed.
inline Clock::time_point begin_recording() noexcept {
  const Clock::time_point now = Clock::now();
  try {
    memory_samples->take_before_event(now);
  } catch (const std::bad_alloc&) {
    return now;  // the profile lacks a sample
  }
  return now;
}

/// Does what makes the memory of an array, and records it if that is wanted and there was memory.
template <typename Action>
auto recorded(std::size_t bytes, Action make) {
  if (bytes < least_recorded_bytes.load(std::memory_order_relaxed)) return make();
  const std::uint64_t populated = counters().populated.value();
  const Clock::time_point start = begin_recording();
  auto* made = make();
  if (made == nullptr) return made;
  record_made(bytes, start, counters().populated.value() != populated);
  return made;
}

/// Does what frees the memory of an array, and records how long it took if that is wanted. Small
/// memory, which takes no call of the system, is not worth reading the clock.
template <typename Action>
void recorded_free(std::size_t bytes, Action free) noexcept {
  const std::size_t least = least_recorded_bytes.load(std::memory_order_relaxed);
  if (bytes < std::max(least, kHugePageUnit)) return free();
  const Clock::time_point start = begin_recording();
  free();
  record_freed(start);
}

void register_call_sites(pybind11::module_& module);

}  // namespace zerofill::python
