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

}  // namespace zerofill
