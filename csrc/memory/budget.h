// Contract: no eager request takes more memory than the process may still use.
//
// The figures of the system lag behind requests that are still being filled, so every request
// reserves its bytes first, and gives up what it reserved as its pages become resident.
#pragma once

#include <atomic>
#include <cstddef>

#include "memory/errors.h"

namespace zerofill::memory {

class Reservation {
 public:
  /// Throws OutOfMemory when `bytes` do not fit beside what is in use, reserved and kept back.
  explicit Reservation(std::size_t bytes);
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  /// Says that `bytes` of it are resident now, and so in the system's own figures. Any thread.
  void settle(std::size_t bytes) noexcept;

 private:
  std::atomic<std::size_t> unsettled_;
};

}  // namespace zerofill::memory
