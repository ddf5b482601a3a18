// Contract: no eager request takes more memory than the process may still use.
//
// The figures of the system lag behind requests that are still being filled, so every request
// reserves its bytes first, and gives up what it reserved as its pages become resident.
#pragma once

#include <atomic>
#include <cstddef>

#include "memory/errors.h"

namespace zerofill::memory {

/// Whether so little memory is left that what is only kept should be given back.
bool memory_is_short() noexcept;

/// Whether that many bytes would fit beside what is in use, reserved and kept back, as far as that
/// is known.
bool would_fit(std::size_t bytes) noexcept;

/// The size of the limit that was the tightest when it was last looked at.
std::size_t budget_total_bytes() noexcept;

class Reservation {
 public:
  /// Throws OutOfMemory when `bytes` do not fit beside what is in use, reserved and kept back.
  /// `at_least_bytes` are known to be there although the system may not say so yet: what was just
  /// given back can stand in the kernel's lists of a CPU for a while, and counts as used meanwhile.
  explicit Reservation(std::size_t bytes, std::size_t at_least_bytes = 0);
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  /// Says that `bytes` of it are resident now, and so in the system's own figures. Any thread.
  void settle(std::size_t bytes) noexcept;

 private:
  std::atomic<std::size_t> unsettled_;
};

}  // namespace zerofill::memory
