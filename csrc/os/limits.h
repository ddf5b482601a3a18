// Contract: how much memory this process may still use.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zerofill::os {

struct MemoryBudget {
  /// Bytes that can become resident before the tightest limit is met. File pages count as
  /// free, because the system reclaims them first.
  std::uint64_t available_bytes;
  /// Size of that limit in bytes (the machine's memory where no smaller limit applies).
  std::uint64_t total_bytes;
  /// What the limit is called, for people.
  char source[192];
};

/// Reads the system's figures, which takes some microseconds. 0 on success; otherwise an errno
/// value, and the budget is not known. Any thread may call.
int read_memory_budget(MemoryBudget* budget) noexcept;

/// Bytes that this process may still map, by limits of its own that hold for addresses whether they
/// are resident or not (RLIMIT_AS, RLIMIT_DATA); SIZE_MAX where there are none or they are unknown.
std::size_t addresses_left() noexcept;

}  // namespace zerofill::os
