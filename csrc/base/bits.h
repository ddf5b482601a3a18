// Bits of a word, counted.
#pragma once

#include <cstdint>

#ifdef _MSC_VER
#include <intrin.h>
#endif

namespace zerofill {

/// How many bits are one.
inline int count_ones(std::uint64_t word) noexcept {
  // In groups of 2, 4 and 8 bits at once, and then the bytes. A compiler that may use the
  // processor's instruction for it makes that of this.
  word -= (word >> 1) & 0x5555555555555555;
  word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333);
  word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0F;
  return static_cast<int>((word * 0x0101010101010101) >> 56);
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

/// How many of the lowest bits are zero. pre: word != 0.
inline int trailing_zeros(std::uint64_t word) noexcept { return highest_bit(word & (~word + 1)); }

/// Rises by eight with each doubling, and by one with each eighth of it. pre: value >= 8.
inline int eighths_of_doublings(std::uint64_t value) noexcept {
  const int power = highest_bit(value);
  return power * 8 + static_cast<int>((value >> (power - 3)) & 7);
}

}  // namespace zerofill
