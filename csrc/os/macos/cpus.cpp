// Untried on macOS (compiled against hand-written declarations only).
#include "os/cpus.h"

#include <algorithm>
#include <cstdint>

#include "os/macos/sysctl.h"

namespace zerofill::os {

// macOS has neither affinity masks nor CPU quotas for processes.
int usable_cpus() noexcept { return std::max(static_cast<int>(read_sysctl("hw.activecpu")), 1); }

void read_cpu_name(char* text, std::size_t capacity) noexcept {
  std::size_t bytes = capacity;
  if (sysctlbyname("machdep.cpu.brand_string", text, &bytes, nullptr, 0) != 0) *text = '\0';
}

std::size_t cache_bytes(int level) noexcept {
  // Intel machines answer the plain names. Apple silicon answers those of a kind of core, the fast
  // ones first, and has no third level that it reports.
  constexpr const char* kNames[3][2] = {{"hw.perflevel0.l1dcachesize", "hw.l1dcachesize"},
                                        {"hw.perflevel0.l2cachesize", "hw.l2cachesize"},
                                        {"hw.perflevel0.l3cachesize", "hw.l3cachesize"}};
  for (const char* name : kNames[level - 1]) {
    const std::uint64_t bytes = read_sysctl(name);
    // The kernel's own mark for "none" is the largest 32-bit number.
    if (bytes > 0 && bytes < UINT32_MAX) return static_cast<std::size_t>(bytes);
  }
  return 0;
}

}  // namespace zerofill::os
