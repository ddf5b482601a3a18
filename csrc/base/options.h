// Contract: the run-time options. Read anywhere, at any time, without a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <limits>

#include "base/clock.h"

namespace zerofill {

enum class Scrub : int { off, on, automatic };

/// A larger team has never been tried.
constexpr int kMaxThreads = 256;

/// As many threads as CPUs may be used: team::max_threads() knows the number.
constexpr int kAutomaticThreads = 0;

/// Where memory is put on a machine with several NUMA nodes, beside the number of a node.
constexpr int kPlacedForCaller = -1;
constexpr int kInterleaved = -2;

/// A pool limit that follows the use of memory.
constexpr std::size_t kAutomaticLimit = std::numeric_limits<std::size_t>::max();

struct Options {
  std::atomic<int> num_threads{kAutomaticThreads};       ///< else 1 to kMaxThreads
  std::atomic<std::size_t> pool_limit{kAutomaticLimit};  ///< bytes
  std::atomic<double> decay{10.0};                       ///< seconds; read it by decay_time()
  std::atomic<Scrub> scrub{Scrub::automatic};
  std::atomic<bool> audit{false};
  std::atomic<bool> huge_pages{true};  ///< whether they may be asked for
  std::atomic<int> placement{kPlacedForCaller};
};

/// The process's options.
Options& options() noexcept;

/// How long an unused block stays in the pool.
Clock::duration decay_time() noexcept;

}  // namespace zerofill
