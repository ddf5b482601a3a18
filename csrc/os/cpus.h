// Contract: the processors and caches that this process may use.
#pragma once

#include <cstddef>

namespace zerofill::os {

/// The number of processors in the affinity mask, but no more than the CPU quota allows; at
/// least 1.
int usable_cpus() noexcept;

/// The processor's name; empty when the system does not say.
void read_cpu_name(char* text, std::size_t capacity) noexcept;

/// Size in bytes of the data cache of a level, 1 to 3, that a core has or shares; 0 when there is
/// none or the system does not say. A virtual machine often reports its host's.
std::size_t cache_bytes(int level) noexcept;

inline std::size_t last_level_cache_bytes() noexcept {
  const std::size_t third = cache_bytes(3);
  return third != 0 ? third : cache_bytes(2);
}

}  // namespace zerofill::os
