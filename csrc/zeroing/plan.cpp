#include "zeroing/plan.h"

#include <algorithm>

#include "base/units.h"
#include "os/cpus.h"
#include "team/team.h"

namespace zerofill::zeroing {
namespace {

// Below this, one thread zeroes, because the zeros stay in the caches of the core that will use
// them. When two threads zero 4 or 8 MiB, half comes back from the other core's caches: the cycle
// of zeroing and using then takes 1.7 and 1.6 times the use alone, and 1.48 with one thread. From
// 16 MiB on two threads win.
constexpr std::size_t kParallelZeroBytes = 12 * MiB;

// The system takes 130 to 250 us to clear one fresh huge page, so two of them are worth a second
// thread.
constexpr std::size_t kParallelTouchBytes = kHugePageUnit;

// Pages of a file that exist already and are only mapped and cleared: two threads take 0.32 ms for
// 1 MiB where one takes 0.19, 1.0 and 0.9 for 4 MiB, 1.7 and 2.0 for 8 MiB, 3.0 and 4.1 for 16 MiB.
constexpr std::size_t kParallelSharedBytes = 8 * MiB;

// Small enough that the calling thread asks its poll in time and the threads finish together, and
// large enough that claiming a chunk costs nothing in comparison.
constexpr std::size_t kChunkBytes = kHugePageUnit;

// A virtual machine reports its host's whole cache, which other guests use too. On one that reports
// 480 MiB, the cycle of 64 MiB takes 5.9 ms streamed and 4.3 cached, of 96 MiB 10.0 and 9.1, of
// 128 MiB both ways 12.9.
constexpr std::size_t kLargestBelievableCacheBytes = 64 * MiB;

/// From this size on zeros are better written past the caches than through them.
std::size_t find_streaming_bytes() noexcept {
  const std::size_t reported = os::last_level_cache_bytes();
  const std::size_t largest = kLargestBelievableCacheBytes;
  return 2 * (reported == 0 ? largest : std::min(reported, largest));
}

const std::size_t kStreamingBytes = find_streaming_bytes();  // at load time: base/immortal.h

int threads_for(std::size_t bytes, std::size_t parallel_bytes) noexcept {
  return bytes < parallel_bytes ? 1 : team::max_threads();
}

}  // namespace

Plan plan_zeroing(std::size_t bytes) noexcept {
  const std::size_t chunk = bytes < 4 * kChunkBytes ? kChunkBytes / 4 : kChunkBytes;
  return {chunk, threads_for(bytes, kParallelZeroBytes), bytes >= kStreamingBytes};
}

Plan plan_first_touch(std::size_t bytes) noexcept {
  return {kChunkBytes, threads_for(bytes, kParallelTouchBytes), false};
}

Plan plan_first_touch_of_shared(std::size_t bytes) noexcept {
  return {kChunkBytes, threads_for(bytes, kParallelSharedBytes), false};
}

// Each call waits for other CPUs, so there are few for large blocks.
Plan plan_collapse(std::size_t bytes) noexcept {
  const std::size_t chunk = bytes < 16 * kChunkBytes ? kChunkBytes : 4 * kChunkBytes;
  return {chunk, threads_for(bytes, 2 * kChunkBytes), false};
}

Plan plan_scrubbing(std::size_t bytes) noexcept {
  return {kChunkBytes / 2, 1, bytes >= kStreamingBytes};
}

}  // namespace zerofill::zeroing
