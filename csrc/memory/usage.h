// How much memory was in use lately. Takes no lock.
#pragma once

#include <algorithm>
#include <cstddef>

#include "memory/shelves.h"

namespace zerofill::memory {

/// The bytes in use, and their peak over this window of time and the one before.
class Usage {
 public:
  void change(std::ptrdiff_t bytes, Clock::time_point now, Clock::duration window) noexcept {
    now_ += static_cast<std::size_t>(bytes);
    if (now - start_ > window) {
      former_peak_ = now - start_ > 2 * window ? 0 : peak_;
      peak_ = 0;
      start_ = now;
    }
    const std::size_t before = now_ - static_cast<std::size_t>(bytes);
    peak_ = std::max({peak_, now_, before});
  }

  std::size_t recent_peak_bytes() const noexcept { return std::max(peak_, former_peak_); }

 private:
  std::size_t now_ = 0;
  std::size_t peak_ = 0;
  std::size_t former_peak_ = 0;
  Clock::time_point start_{};
};

}  // namespace zerofill::memory
