// Contract: no eager request takes more memory than the process may still use.
//
// The figures of the system lag behind requests that are still being filled, so every request
// reserves its bytes first, and gives up what it reserved as its pages become resident.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>

#include "os/nodes.h"

namespace zerofill::blocks {

/// How long what was read of the system serves requests that together are a small part of what was
/// left, where there is one NUMA node.
constexpr auto kRecentTime = std::chrono::milliseconds(5);

/// Lets the next request look at the system.
void forget_last_look() noexcept;

/// Whether so little memory is left that the pool should be purged.
bool is_memory_low() noexcept;

/// Whether that many bytes would fit beside what is in use, what is reserved and the headroom, on
/// the nodes that a placement allows. True where that is not known.
bool would_fit(std::size_t bytes, const os::Placement& placement = os::kUnplaced) noexcept;

/// The size of the limit that was the tightest when it was last looked at.
std::size_t budget_total_bytes() noexcept;

class Reservation {
 public:
  /// Of nothing.
  Reservation() noexcept : unsettled_(0) {}
  /// Throws OutOfMemory when `bytes` do not fit beside what is in use, what is reserved and the
  /// headroom, on the nodes that a placement allows.
  explicit Reservation(std::size_t bytes, const os::Placement& placement = os::kUnplaced);
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  /// Takes off `bytes` that are resident now, because the system's figures have them from here on.
  /// Any thread may call.
  void settle(std::size_t bytes) noexcept;

 private:
  std::atomic<std::size_t> unsettled_;
};

// For alloc/fork.cpp: the requests of the parent's other threads are not the child's.
void forget_reservations_in_child() noexcept;

}  // namespace zerofill::blocks
