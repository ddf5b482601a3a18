#include "os/cpus.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/units.h"
#include "os/linux/affinity.h"
#include "os/linux/cgroups.h"
#include "os/linux/read_line.h"

namespace zerofill::os {
namespace {

int affinity_cpus() noexcept {
  int cpus = 0;
  const auto count = [&cpus](const cpu_set_t* set, std::size_t bytes) {
    cpus = CPU_COUNT_S(bytes, set);
  };
  return with_affinity(0, count) ? cpus : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

bool read_cache_file(int index, const char* name, char (*text)[32]) noexcept {
  char path[80];
  std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, name);
  return read_line(path, *text, sizeof *text);
}

/// The size of a level's cache of data; 0 where the kernel does not say.
std::size_t cache_bytes_by_kernel(int level) noexcept {
  char text[32];
  for (int index = 0; read_cache_file(index, "level", &text); ++index) {
    if (std::atoi(text) != level) continue;
    if (!read_cache_file(index, "type", &text) || text[0] == 'I') continue;  // Instruction
    if (!read_cache_file(index, "size", &text)) return 0;
    char* unit = nullptr;
    const std::size_t size = std::strtoul(text, &unit, 10);
    return *unit == 'M' ? size * MiB : size * KiB;
  }
  return 0;
}

}  // namespace

int usable_cpus() noexcept {
  int cpus = affinity_cpus();
  const double quota = cgroup_cpu_quota();
  // Rounded up, because a quota of 1.5 processors runs two threads three quarters of the time.
  if (quota > 0) cpus = std::min(cpus, static_cast<int>(quota + 0.999));
  return std::max(cpus, 1);
}

void read_cpu_name(char* text, std::size_t capacity) noexcept {
  *text = '\0';
  std::FILE* file = std::fopen("/proc/cpuinfo", "re");
  if (file == nullptr) return;
  char line[256];
  while (*text == '\0' && std::fgets(line, sizeof line, file) != nullptr) {
    // "model name : ..." on x86; arm64 has only numbers of implementers and parts.
    const char* name = std::strncmp(line, "model name", 10) == 0 ? std::strchr(line, ':') : nullptr;
    if (name == nullptr) continue;
    name += 1 + std::strspn(name + 1, " ");
    std::snprintf(text, capacity, "%.*s", static_cast<int>(std::strcspn(name, "\n")), name);
  }
  std::fclose(file);
}

std::size_t cache_bytes(int level) noexcept {
#ifdef _SC_LEVEL1_DCACHE_SIZE  // musl has none of these
  constexpr int kNames[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  const long bytes = sysconf(kNames[level - 1]);
  if (bytes > 0) return static_cast<std::size_t>(bytes);
#endif
  return cache_bytes_by_kernel(level);
}

}  // namespace zerofill::os
