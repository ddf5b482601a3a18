// Contract: the run-time options. Read anywhere, at any time, without a lock.
#pragma once

#include <atomic>
#include <cstddef>

namespace zerofill::memory {

enum class Scrub : int { off, on, automatic };

struct Options {
  std::atomic<int> num_threads{1};             ///< at least 1
  std::atomic<std::size_t> pool_limit{0};      ///< bytes
  std::atomic<bool> pool_limit_is_set{false};  ///< else the default follows the use of memory
  std::atomic<double> decay{10.0};             ///< seconds
  std::atomic<Scrub> scrub{Scrub::automatic};
  std::atomic<bool> audit{false};
};

/// The process's options; on the first call num_threads becomes the usable CPUs.
Options& options() noexcept;

}  // namespace zerofill::memory
