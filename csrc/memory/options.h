// Contract: the run-time options. Read anywhere, at any time, without a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>

namespace zerofill::memory {

enum class Scrub : int { off, on, automatic };

/// A team that is larger has never been tried.
constexpr int kMostThreads = 256;

/// A pool limit that follows the use of memory.
constexpr std::size_t kAutomatic = std::numeric_limits<std::size_t>::max();

struct Options {
  std::atomic<int> num_threads{1};                  ///< 1 to kMostThreads
  std::atomic<std::size_t> pool_limit{kAutomatic};  ///< bytes
  std::atomic<double> decay{10.0};                  ///< seconds
  std::atomic<Scrub> scrub{Scrub::automatic};
  std::atomic<bool> audit{false};
};

/// The process's options; on the first call num_threads becomes the usable CPUs, or kMostThreads
/// where there are more.
Options& options() noexcept;

}  // namespace zerofill::memory
