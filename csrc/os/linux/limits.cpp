#include "os/linux/limits.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include "os/linux/cgroups.h"

namespace zerofill::os {
namespace {

/// What the files of either version are called, and the keys in memory.stat.
struct Files {
  std::initializer_list<const char*> limits;
  const char* usage;
  const char* inactive_key;
  const char* active_key;
  const char* cache_key;
  const char* shmem_key;
  const char* ancestors_limit_key;  ///< the tightest limit of all groups above; null: not told
};

constexpr Files kVersion1{
    {"memory.limit_in_bytes"},  "memory.usage_in_bytes", "total_inactive_file",
    "total_active_file",        "total_cache",           "total_shmem",
    "hierarchical_memory_limit"};
// A group above memory.high is not killed, but throttled until it stands still.
constexpr Files kVersion2{{"memory.max", "memory.high"},
                          "memory.current",
                          "inactive_file",
                          "active_file",
                          "file",
                          "shmem",
                          nullptr};

/// Where /proc/meminfo cannot be read, as in a container whose /proc shows processes alone
/// (subset=pid), only memory that nobody uses counts: sysinfo(2) does not say how much of the rest
/// is reclaimable.
int read_free_memory(MemoryBudget* budget) noexcept {
  struct sysinfo info;
  if (sysinfo(&info) != 0) return errno;
  budget->available_bytes = (std::uint64_t{info.freeram} + info.bufferram) * info.mem_unit;
  budget->total_bytes = std::uint64_t{info.totalram} * info.mem_unit;
  std::snprintf(budget->source, sizeof budget->source, "free memory of this machine");
  return 0;
}

/// 0, or EMFILE and the like where there is no file descriptor: every limit would look as if it
/// were not there.
int read_machine(const char* root, MemoryBudget* budget) noexcept {
  char path[kPathBytes];
  std::snprintf(path, sizeof path, "%s/proc/meminfo", root);
  constexpr std::uint64_t kUnread = UINT64_MAX;
  std::uint64_t total_kib = kUnread;
  std::uint64_t available_kib = kUnread;
  std::uint64_t buffers_kib = 0;
  FilePages pages;
  errno = 0;
  (void)read_keyed_numbers(path, {{"MemTotal:", &total_kib},
                                  {"MemAvailable:", &available_kib},
                                  {"Buffers:", &buffers_kib},
                                  {"Cached:", &pages.cache},
                                  {"Active(file):", &pages.active},
                                  {"Inactive(file):", &pages.inactive},
                                  {"Shmem:", &pages.shmem}});
  if (total_kib == kUnread || available_kib == kUnread) {
    return errno == EMFILE || errno == ENFILE ? errno : read_free_memory(budget);
  }
  if (pages.cache != kUnread) pages.cache += buffers_kib;
  available_kib -= std::min(available_kib, pages.freed_lazily());
  budget->available_bytes = available_kib * 1024;
  budget->total_bytes = total_kib * 1024;
  std::snprintf(budget->source, sizeof budget->source, "MemAvailable of this machine");
  return 0;
}

/// What is known of the limits of the groups above.
enum class Above { unknown, unlimited };

/// What is used is read only where there is a limit, because in most programs there is none.
Above apply_group(const Cgroup& group, MemoryBudget* budget) noexcept {
  const Files& files = group.version2 ? kVersion2 : kVersion1;
  std::uint64_t limits[] = {kNoLimit, kNoLimit};  // as many as files.limits has at most
  const auto read_limits = [&] {
    std::uint64_t* limit = limits;
    for (const char* file : files.limits) (void)read_number(group, file, limit++);
  };
  if (group.version2) {
    read_limits();
    if (std::min(limits[0], limits[1]) >= kNoLimit) return Above::unknown;
  }
  FilePages pages;
  std::uint64_t ancestors_limit = kNoLimit;
  char path[kPathBytes + 16];
  std::snprintf(path, sizeof path, "%s/memory.stat", group.folder);
  const bool is_told = read_keyed_numbers(path, {{files.inactive_key, &pages.inactive},
                                                 {files.active_key, &pages.active},
                                                 {files.cache_key, &pages.cache},
                                                 {files.shmem_key, &pages.shmem},
                                                 {files.ancestors_limit_key, &ancestors_limit}});
  if (!group.version2 && is_told && ancestors_limit >= kNoLimit) return Above::unlimited;
  std::uint64_t usage = 0;
  if (!read_number(group, files.usage, &usage)) return Above::unknown;
  const std::uint64_t reclaimable = pages.reclaimable();
  const std::uint64_t used = usage > reclaimable ? usage - reclaimable : 0;
  char whose[kPathBytes + 8];
  const char* name = group.folder + group.mount_length;
  std::snprintf(whose, sizeof whose, "cgroup %s", *name != '\0' ? name : "/");
  if (!group.version2) read_limits();
  const std::uint64_t* limit = limits;
  for (const char* file : files.limits) tighten(*limit++, used, file, whose, budget);
  // A container often shows only its own group, and the limit is that of a group above.
  tighten(ancestors_limit, used, files.ancestors_limit_key, whose, budget);
  return Above::unknown;
}

/// Whether the group's limits hold for the groups below it. In version 1 that could be switched off
/// until Linux 5.11.
bool is_hierarchical(const Cgroup& group) noexcept {
  std::uint64_t value = 0;
  return group.version2 || !read_number(group, "memory.use_hierarchy", &value) || value != 0;
}

void apply_groups(const char* root, MemoryBudget* budget) noexcept {
  Cgroup group;
  if (!find_cgroup(root, "memory", &group)) return;
  while (apply_group(group, budget) == Above::unknown && to_parent(&group) &&
         is_hierarchical(group)) {
  }
}

/// The process's own limits, whose use is in /proc/self/statm, in pages.
void apply_resource_limits(const char* root, MemoryBudget* budget) noexcept {
  rlimit addresses;
  rlimit data;
  if (getrlimit(RLIMIT_AS, &addresses) != 0 || getrlimit(RLIMIT_DATA, &data) != 0) return;
  if (addresses.rlim_cur == RLIM_INFINITY && data.rlim_cur == RLIM_INFINITY) return;
  std::uint64_t mapped_pages = 0;
  std::uint64_t data_pages = 0;
  char path[kPathBytes];
  std::snprintf(path, sizeof path, "%s/proc/self/statm", root);
  if (!read_statm(path, &mapped_pages, &data_pages)) return;
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  tighten(addresses.rlim_cur, mapped_pages * page, "RLIMIT_AS", "this process", budget);
  tighten(data.rlim_cur, data_pages * page, "RLIMIT_DATA", "this process", budget);
}

}  // namespace

int read_memory_budget_below(const char* root, MemoryBudget* budget) noexcept {
  const int error = read_machine(root, budget);
  if (error != 0) return error;
  apply_groups(root, budget);
  apply_resource_limits(root, budget);
  return 0;
}

std::size_t addresses_left() noexcept {
  MemoryBudget budget{SIZE_MAX, SIZE_MAX, ""};
  apply_resource_limits("", &budget);
  return budget.available_bytes;
}

int read_memory_budget(MemoryBudget* budget) noexcept {
  return read_memory_budget_below("", budget);
}

}  // namespace zerofill::os
