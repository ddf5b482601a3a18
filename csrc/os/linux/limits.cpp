#include "os/linux/limits.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "os/linux/cgroups.h"

namespace zerofill::os {
namespace {

/// The names of the files in each version.
struct Files {
  const char* limit;
  const char* usage;
  const char* reclaimable_key;
};

constexpr Files kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr Files kVersion2{"memory.max", "memory.current", "inactive_file"};

/// Version 1 writes "no limit" as the largest multiple of a page below 2**63.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;

bool read_machine(const char* root, MemoryBudget* budget) noexcept {
  char path[kPathBytes];
  std::snprintf(path, sizeof path, "%s/proc/meminfo", root);
  std::uint64_t available_kib = 0;
  std::uint64_t total_kib = 0;
  if (!read_keyed_number(path, "MemTotal:", &total_kib)) return false;
  if (!read_keyed_number(path, "MemAvailable:", &available_kib)) return false;
  budget->available_bytes = available_kib * 1024;
  budget->total_bytes = total_kib * 1024;
  std::snprintf(budget->source, sizeof budget->source, "MemAvailable of this machine");
  return true;
}

std::uint64_t reclaimable_bytes(const Cgroup& group, const Files& files) noexcept {
  char path[kPathBytes];
  const int length = std::snprintf(path, sizeof path, "%s/memory.stat", group.folder);
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof path) return 0;
  std::uint64_t bytes = 0;
  return read_keyed_number(path, files.reclaimable_key, &bytes) ? bytes : 0;
}

void tighten(const Cgroup& group, MemoryBudget* budget) noexcept {
  const Files& files = group.version2 ? kVersion2 : kVersion1;
  std::uint64_t limit = 0;
  if (!read_number(group, files.limit, &limit) || limit >= kNoLimit) return;
  std::uint64_t usage = 0;
  if (!read_number(group, files.usage, &usage)) return;
  const std::uint64_t kept = reclaimable_bytes(group, files);
  const std::uint64_t used = usage > kept ? usage - kept : 0;
  const std::uint64_t available = limit > used ? limit - used : 0;
  if (available >= budget->available_bytes) return;
  budget->available_bytes = available;
  budget->total_bytes = limit;
  const char* name = group.folder + group.mount_length;
  std::snprintf(budget->source, sizeof budget->source, "%s of cgroup %.120s", files.limit,
                *name != '\0' ? name : "/");
}

}  // namespace

int read_memory_budget_below(const char* root, MemoryBudget* budget) noexcept {
  if (!read_machine(root, budget)) return ENOENT;
  Cgroup group;
  if (!find_cgroup(root, "memory", &group)) return 0;
  do {
    tighten(group, budget);
  } while (to_parent(&group));
  return 0;
}

int read_memory_budget(MemoryBudget* budget) noexcept {
  return read_memory_budget_below("", budget);
}

}  // namespace zerofill::os
