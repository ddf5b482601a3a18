// Contract: how much work gets which treatment. The only place that holds a threshold.
#pragma once

#include <cstddef>

namespace zerofill::memory {

/// How to go through a range of memory.
struct Plan {
  std::size_t chunk_bytes;
  int threads;
  bool streaming;  ///< past the caches
};

/// For zeroing `bytes` of resident memory.
Plan plan_zeroing(std::size_t bytes) noexcept;

/// For making `bytes` of fresh pages resident.
Plan plan_first_touch(std::size_t bytes) noexcept;

}  // namespace zerofill::memory
