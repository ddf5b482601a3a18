// Bits of a word, counted.
#pragma once

#include <cstdint>

#ifdef _MSC_VER
#include <intrin.h>
#endif

namespace zerofill {

/// How many of the lowest bits are zero. pre: word != 0.
inline int trailing_zeros(std::uint64_t word) noexcept {
#ifdef _MSC_VER
  unsigned long index = 0;
  _BitScanForward64(&index, word);
  return static_cast<int>(index);
#else
  return __builtin_ctzll(word);
#endif
}

/// How many bits are one.
inline int count_ones(std::uint64_t word) noexcept {
  int ones = 0;
  for (; word != 0; word &= word - 1) ++ones;
  return ones;
}

/// Position of the highest bit that is one. pre: word != 0.
inline int highest_bit(std::uint64_t word) noexcept {
#ifdef _MSC_VER
  unsigned long index = 0;
  _BitScanReverse64(&index, word);
  return static_cast<int>(index);
#else
  return 63 - __builtin_clzll(word);
#endif
}

}  // namespace zerofill
