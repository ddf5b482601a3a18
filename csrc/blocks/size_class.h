// Size classes of free blocks: eight to each doubling, so that one class and the next hold every
// block that wastes at most an eighth.
#pragma once

#include <cstddef>

namespace zerofill::blocks {

constexpr int kSmallestPower = 20;
constexpr int kLargestPower = 46;
constexpr int kSizeClasses = (kLargestPower - kSmallestPower) * 8;

/// Larger blocks never go to the pool.
constexpr std::size_t kMaxPooledBytes = std::size_t{1} << (kLargestPower - 1);

/// The class of blocks of that many bytes, at most twice kMaxPooledBytes; small ones share the
/// first.
constexpr int size_class(std::size_t bytes) noexcept {
  if (bytes < (std::size_t{1} << kSmallestPower)) return 0;
  int power = kSmallestPower;
  while ((bytes >> (power + 1)) != 0) ++power;
  const auto eighth = static_cast<int>((bytes >> (power - 3)) & 7);
  return (power - kSmallestPower) * 8 + eighth;
}

}  // namespace zerofill::blocks
