// Contract: how the work on a range of memory is split, and whether its stores stream.
#pragma once

#include <cstddef>

namespace zerofill::zeroing {

/// How to go through a range of memory.
struct Plan {
  std::size_t chunk_bytes;
  int threads;
  bool streaming;  ///< by non-temporal stores, past the caches
};

/// For zeroing `bytes` of resident memory.
Plan plan_zeroing(std::size_t bytes) noexcept;

/// For making `bytes` of fresh pages resident.
Plan plan_first_touch(std::size_t bytes) noexcept;

/// The same for small pages that other processes can have too.
Plan plan_first_touch_of_shared(std::size_t bytes) noexcept;

/// The same for small pages that become huge ones, in the same step.
Plan plan_collapse(std::size_t bytes) noexcept;

/// For zeroing `bytes` in the background: one thread, which can stop after every chunk.
Plan plan_scrubbing(std::size_t bytes) noexcept;

}  // namespace zerofill::zeroing
