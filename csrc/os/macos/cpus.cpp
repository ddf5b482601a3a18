// Untried on macOS (compiled against hand-written declarations only).
#include "os/cpus.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "os/macos/sysctl.h"

namespace zerofill::os {

// Processes have neither affinity masks nor CPU quotas here.
int usable_cpus() noexcept { return std::max(static_cast<int>(read_sysctl("hw.activecpu")), 1); }

std::size_t last_level_cache_bytes() noexcept {
  // Intel machines answer all three, and on them the third level is the last; Apple silicon has
  // no third level that it reports, and hw.l2cachesize is that of its slower cores.
  for (const char* name : {"hw.l3cachesize", "hw.perflevel0.l2cachesize", "hw.l2cachesize"}) {
    const std::uint64_t bytes = read_sysctl(name);
    // The kernel's own mark for "none" is the largest 32-bit number.
    if (bytes > 0 && bytes < UINT32_MAX) return static_cast<std::size_t>(bytes);
  }
  return 0;
}

}  // namespace zerofill::os
