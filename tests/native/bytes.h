// Ranges of bytes that all have one value.
#pragma once

#include <cstddef>
#include <cstring>

namespace zerofill::test {

constexpr std::byte kZero{0};
/// What memory is filled with before it is zeroed, and what a guard byte must still be afterwards.
constexpr std::byte kDirty{0xA5};

/// By way of memcmp, which is quick in unoptimised and instrumented builds too.
inline bool all_are(std::byte value, const std::byte* address, std::size_t bytes) {
  if (bytes == 0) return true;
  return address[0] == value && std::memcmp(address, address + 1, bytes - 1) == 0;
}

inline void make_dirty(std::byte* address, std::size_t bytes) {
  std::memset(address, std::to_integer<int>(kDirty), bytes);
}

}  // namespace zerofill::test
