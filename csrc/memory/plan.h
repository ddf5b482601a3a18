// Contract: how much work gets which treatment.
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

/// For zeroing `bytes` in the background: one thread, in chunks after which it can stop.
Plan plan_scrubbing(std::size_t bytes) noexcept;

/// Smaller blocks are better zeroed by their user, into caches that are warm then: the cycle of 4
/// or 8 MiB takes 1.48 times the use alone, and 1.6 with blocks that another core has scrubbed. At
/// 64 MiB it is 1.37 against 1.31, at 1 GiB 1.22 against 1.10.
constexpr std::size_t kScrubBytes = std::size_t{64} << 20;

/// Zeros of up to that many bytes that are to be had on first use come out of dirty blocks too, as
/// they do from the C library, which keeps resident what is smaller (M_MMAP_THRESHOLD's maximum).
constexpr std::size_t kAlwaysReusedBytes = std::size_t{32} << 20;

/// Where the next fresh block's payload should start, in bytes from its first page: another place
/// each time, a multiple of `alignment` and less than kMostStagger. Arrays that all start alike
/// compete for the same cache sets when they are walked together.
std::size_t next_stagger(std::size_t alignment) noexcept;
constexpr std::size_t kMostStagger = std::size_t{64} << 10;

}  // namespace zerofill::memory
