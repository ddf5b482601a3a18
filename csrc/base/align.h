// Rounding of addresses and sizes to powers of two.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zerofill {

constexpr bool is_power_of_two(std::size_t value) noexcept {
  return value != 0 && (value & (value - 1)) == 0;
}

/// pre: `alignment` is a power of two, and `value + alignment - 1` does not overflow.
constexpr std::size_t align_up(std::size_t value, std::size_t alignment) noexcept {
  return (value + alignment - 1) & ~(alignment - 1);
}

/// pre: `alignment` is a power of two.
constexpr std::size_t align_down(std::size_t value, std::size_t alignment) noexcept {
  return value & ~(alignment - 1);
}

inline std::byte* align_up(std::byte* address, std::size_t alignment) noexcept {
  const auto value = reinterpret_cast<std::uintptr_t>(address);
  return address + (align_up(value, alignment) - value);
}

constexpr std::size_t ceil_divide(std::size_t value, std::size_t divisor) noexcept {
  return value / divisor + (value % divisor != 0);
}

}  // namespace zerofill
