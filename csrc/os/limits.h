// Contract: how much memory this process may still use.
#pragma once

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

}  // namespace zerofill::os
