// Contract: one number of the macOS kernel's. For os/macos/ alone.
// Untried on macOS (compiled against hand-written declarations only).
#pragma once

#include <sys/types.h>
// <sys/sysctl.h> needs the types above it.
#include <sys/sysctl.h>

#include <cstddef>
#include <cstdint>

namespace zerofill::os {

/// The number called `name`; 0 when this machine has none of that name.
inline std::uint64_t read_sysctl(const char* name) noexcept {
  // Some of them are 32 bits wide and some 64: on a little-endian machine the narrow ones fill the
  // low half and leave the zeros above.
  std::uint64_t value = 0;
  std::size_t bytes = sizeof value;
  return sysctlbyname(name, &value, &bytes, nullptr, 0) == 0 ? value : 0;
}

}  // namespace zerofill::os
