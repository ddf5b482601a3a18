// Contract: the processors and caches that this process may use.
#pragma once

#include <cstddef>

namespace zerofill::os {

/// Processors that the affinity mask leaves, and no more than the CPU quota pays for; at least 1.
int usable_cpus() noexcept;

/// Size in bytes of a core's last-level cache as the system reports it; 0 when it does not say.
/// A virtual machine often reports its host's.
std::size_t last_level_cache_bytes() noexcept;

}  // namespace zerofill::os
