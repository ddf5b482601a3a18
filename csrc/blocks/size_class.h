// Size classes of free blocks: eight to each doubling, so that one class and the next hold every
// block that wastes at most an eighth.
#pragma once

#include <cstddef>

#include "base/bits.h"

namespace zerofill::blocks {

constexpr int kSmallestPower = 20;
constexpr int kLargestPower = 46;
constexpr int kSizeClasses = (kLargestPower - kSmallestPower) * 8;

/// Larger blocks never go to the pool.
constexpr std::size_t kMaxPooledBytes = std::size_t{1} << (kLargestPower - 1);

/// The class of blocks of that many bytes, at most twice kMaxPooledBytes; small ones share the
/// first.
inline int size_class(std::size_t bytes) noexcept {
  if (bytes < (std::size_t{1} << kSmallestPower)) return 0;
  return eighths_of_doublings(bytes) - kSmallestPower * 8;
}

}  // namespace zerofill::blocks
