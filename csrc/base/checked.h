// Arithmetic on sizes that detects overflow.
#pragma once

#include <cstddef>
#include <limits>

namespace zerofill {

/// True when `a * b` fits; only then is `*product` written.
constexpr bool checked_multiply(std::size_t a, std::size_t b, std::size_t* product) noexcept {
  // The division takes as long as the rest of a small allocation, so it is done only for large
  // factors.
  constexpr std::size_t half = std::size_t{1} << (std::numeric_limits<std::size_t>::digits / 2);
  if ((a | b) >= half && b != 0 && a > std::numeric_limits<std::size_t>::max() / b) return false;
  *product = a * b;
  return true;
}

/// True when `a + b` fits; only then is `*sum` written.
constexpr bool checked_add(std::size_t a, std::size_t b, std::size_t* sum) noexcept {
  if (a > std::numeric_limits<std::size_t>::max() - b) return false;
  *sum = a + b;
  return true;
}

}  // namespace zerofill
