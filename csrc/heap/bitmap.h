// A bit for each of a number of things: the pages of a segment, the slots of a slab.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/bits.h"

namespace zerofill::heap {

/// `kBits` bits, a multiple of 64.
template <std::size_t kBits>
class Bitmap {
 public:
  static constexpr std::size_t kNone = kBits;

  void set(std::size_t first, std::size_t count) noexcept {
    for_each_word(first, count, [](std::uint64_t& word, std::uint64_t mask) { word |= mask; });
  }

  void clear(std::size_t first, std::size_t count) noexcept {
    for_each_word(first, count, [](std::uint64_t& word, std::uint64_t mask) { word &= ~mask; });
  }

  std::size_t count(std::size_t first, std::size_t count) noexcept {
    std::size_t ones = 0;
    for_each_word(first, count, [&ones](const std::uint64_t& word, std::uint64_t mask) {
      ones += static_cast<std::size_t>(count_ones(word & mask));
    });
    return ones;
  }

  bool any(std::size_t first, std::size_t count) const noexcept {
    const std::size_t end = first + count;
    for (; first < end && first % 64 != 0; ++first) {
      if (test(first)) return true;
    }
    for (; first + 64 <= end; first += 64) {
      if (word(first) != 0) return true;
    }
    for (; first < end; ++first) {
      if (test(first)) return true;
    }
    return false;
  }

  bool test(std::size_t index) const noexcept {
    return ((words_[index / 64] >> index % 64) & 1) != 0;
  }

  /// The next 64 bits. pre: `index` is a multiple of 64.
  std::uint64_t word(std::size_t index) const noexcept { return words_[index / 64]; }

  /// Where the first `count` zeros in a row start; kNone when there are none.
  std::size_t find_zeros(std::size_t count) const noexcept {
    std::size_t found = 0;  // zeros in a row up to the bit that is looked at
    for (std::size_t index = 0; index < kBits; index += 64) {
      const std::uint64_t bits = word(index);
      if (bits == 0) {
        found += 64;
        if (found >= count) return index + 64 - found;
        continue;
      }
      for (std::size_t bit = 0; bit < 64;) {
        const std::uint64_t rest = bits >> bit;
        const auto zeros = rest == 0 ? 64 - bit : static_cast<std::size_t>(trailing_zeros(rest));
        found += zeros;
        bit += zeros;
        if (found >= count) return index + bit - found;
        if (bit == 64) break;
        found = 0;
        const std::uint64_t others = ~(bits >> bit);
        bit += others == 0 ? 64 - bit : static_cast<std::size_t>(trailing_zeros(others));
      }
    }
    return kNone;
  }

 private:
  template <typename Function>
  void for_each_word(std::size_t first, std::size_t count, Function function) noexcept {
    while (count != 0) {
      const std::size_t bit = first % 64;
      const std::size_t here = std::min(count, 64 - bit);
      const std::uint64_t ones = here == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1;
      function(words_[first / 64], ones << bit);
      first += here;
      count -= here;
    }
  }

  std::uint64_t words_[kBits / 64];  // zero, as the memory is in which it is made
};

}  // namespace zerofill::heap
