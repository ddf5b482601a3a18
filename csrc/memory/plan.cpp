#include "memory/plan.h"

#include <algorithm>
#include <atomic>

#include "base/align.h"
#include "memory/options.h"
#include "os/cpus.h"

namespace zerofill::memory {
namespace {

// Below, the zeros stay in the caches of the core that will use them. Of 4 and 8 MiB, zeroed by two
// threads, half would come back from the other core's: the cycle of zeroing and using takes 1.7 and
// 1.6 times the use alone, and 1.48 with one thread. From 16 MiB on two threads win.
constexpr std::size_t kParallelZeroBytes = 12 * MiB;
// A fresh huge page takes 130 to 250 us to clear, so two of them are already worth a second thread.
constexpr std::size_t kParallelTouchBytes = 2 * MiB;

// Small enough that the calling thread answers its poll in time and the threads finish together,
// large enough that claiming a chunk costs nothing beside it.
constexpr std::size_t kChunkBytes = 2 * MiB;

constexpr std::size_t kStaggerBytes = 4160;

// A virtual machine reports its host's whole cache, which other guests use too.
constexpr std::size_t kBelievableCacheBytes = 32 * MiB;

/// From where on zeros are better written past the caches than through them.
std::size_t find_streaming_bytes() noexcept {
  const std::size_t reported = os::last_level_cache_bytes();
  return 2 * (reported == 0 ? kBelievableCacheBytes : std::min(reported, kBelievableCacheBytes));
}

// Found as the library is loaded: no fork of another thread can come between.
const std::size_t kStreamingBytes = find_streaming_bytes();

int threads_for(std::size_t bytes, std::size_t parallel_bytes) noexcept {
  return bytes < parallel_bytes ? 1 : options().num_threads.load(std::memory_order_relaxed);
}

}  // namespace

Plan plan_zeroing(std::size_t bytes) noexcept {
  const std::size_t chunk = bytes < 4 * kChunkBytes ? kChunkBytes / 4 : kChunkBytes;
  return {chunk, threads_for(bytes, kParallelZeroBytes), bytes >= kStreamingBytes};
}

Plan plan_first_touch(std::size_t bytes) noexcept {
  return {kChunkBytes, threads_for(bytes, kParallelTouchBytes), false};
}

Plan plan_scrubbing(std::size_t bytes) noexcept {
  return {kChunkBytes / 2, 1, bytes >= kStreamingBytes};
}

std::size_t next_stagger(std::size_t alignment) noexcept {
  // 4160 bytes, a page and a line: the next set of a cache and the next page of a TLB.
  const std::size_t step = align_up(kStaggerBytes, alignment);
  const std::size_t places = kMostStagger / step;
  static std::atomic<std::size_t> taken{0};
  return places < 2 ? 0 : taken.fetch_add(1, std::memory_order_relaxed) % places * step;
}

}  // namespace zerofill::memory
