// os/linux/limits: the tightest of the machine's and all control groups' limits is the budget.
#include "os/linux/limits.h"

#include <sys/resource.h>

#include <cerrno>
#include <string>
#include <utility>

#include "check.h"
#include "child.h"
#include "fake_root.h"
#include "os/pages.h"

namespace {

using namespace zerofill;
using test::FakeRoot;

// 8 GiB, of which 5 are available.
const std::string kMachine =
    "MemTotal:        8388608 kB\nMemFree:          1048576 kB\n"
    "MemAvailable:    5242880 kB\nBuffers:            1000 kB\n";

os::MemoryBudget budget_of(const FakeRoot& root) {
  os::MemoryBudget budget;
  CHECK(os::read_memory_budget_below(root.path().c_str(), &budget) == 0);
  return budget;
}

/// Files of one group; what is empty is not there.
struct Group {
  std::string limit;
  std::string usage;
  std::string stat;
  // With an initializer, for groups that do not name it.
  // NOLINTNEXTLINE(readability-redundant-member-init)
  std::string high = {};
};

void write_unless_empty(const FakeRoot& root, const std::string& name, const std::string& text) {
  if (!text.empty()) root.write(name, text);
}

/// The process in the group "/outer/inner" of version 2.
os::MemoryBudget version2_budget(const Group& outer, const Group& inner) {
  const FakeRoot root;
  root.write("/proc/meminfo", kMachine);
  root.write("/proc/self/cgroup", "0::/outer/inner\n");
  root.write("/proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  root.write("/sys/fs/cgroup/outer/inner/cgroup.procs", "1\n");
  for (const auto& [folder, group] :
       {std::pair{"/sys/fs/cgroup/outer", outer}, std::pair{"/sys/fs/cgroup/outer/inner", inner}}) {
    write_unless_empty(root, std::string(folder) + "/memory.max", group.limit);
    write_unless_empty(root, std::string(folder) + "/memory.current", group.usage);
    write_unless_empty(root, std::string(folder) + "/memory.stat", group.stat);
    write_unless_empty(root, std::string(folder) + "/memory.high", group.high);
  }
  return budget_of(root);
}

/// The process in the group "/job" of version 1.
os::MemoryBudget version1_budget(const Group& job) {
  const FakeRoot root;
  root.write("/proc/meminfo", kMachine);
  root.write("/proc/self/cgroup", "4:memory:/job\n0::/\n");
  root.write("/proc/self/mountinfo", "35 31 0:32 / /memory rw - cgroup cgroup rw,memory\n");
  root.write("/memory/job/cgroup.procs", "1\n");
  write_unless_empty(root, "/memory/job/memory.limit_in_bytes", job.limit);
  write_unless_empty(root, "/memory/job/memory.usage_in_bytes", job.usage);
  write_unless_empty(root, "/memory/job/memory.stat", job.stat);
  return budget_of(root);
}

bool is_the_machines(const os::MemoryBudget& budget) {
  return budget.available_bytes == 5368709120 && budget.total_bytes == 8589934592 &&
         std::string(budget.source) == "MemAvailable of this machine";
}

void without_groups_it_is_the_machines() {
  const FakeRoot root;
  root.write("/proc/meminfo", kMachine);
  CHECK(is_the_machines(budget_of(root)));
}

/// A container may mount /proc without it (subset=pid). That must not mean that there is no limit.
void without_meminfo_free_memory_counts(const std::string& meminfo) {
  const FakeRoot root;
  write_unless_empty(root, "/proc/meminfo", meminfo);
  const os::MemoryBudget budget = budget_of(root);
  CHECK(std::string(budget.source) == "free memory of this machine");
  CHECK(budget.available_bytes < budget.total_bytes);
  CHECK(budget.total_bytes > 0);
}

void without_meminfo_a_groups_limit_counts() {
  const FakeRoot root;
  root.write("/proc/self/cgroup", "4:memory:/job\n");
  root.write("/proc/self/mountinfo", "35 31 0:32 / /memory rw - cgroup cgroup rw,memory\n");
  root.write("/memory/job/cgroup.procs", "1\n");
  root.write("/memory/job/memory.limit_in_bytes", "1000000\n");
  root.write("/memory/job/memory.usage_in_bytes", "300000\n");
  CHECK(budget_of(root).available_bytes == 700000);
}

/// Every file would look as if it were not there.
void without_a_descriptor_nothing_is_known() {
  rlimit before;
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
  os::MemoryBudget budget;
  CHECK(os::read_memory_budget(&budget) == EMFILE);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

void a_limit_less_what_is_used_is_available() {
  const os::MemoryBudget budget = version2_budget({}, {"1000000\n", "300000\n", ""});
  CHECK(budget.available_bytes == 700000);
  CHECK(budget.total_bytes == 1000000);
  CHECK(std::string(budget.source) == "memory.max of cgroup /outer/inner");
}

/// Whether they are in use or not, as in MemAvailable.
void file_pages_count_as_free() {
  const Group group{"1000000\n", "300000\n", "anon 1\ninactive_file 50000\nactive_file 7\n"};
  CHECK(version2_budget({}, group).available_bytes == 750007);
}

/// Beyond it the group is not killed, but throttled to a standstill.
/// Such pages stand on the lists of file pages, and may be in use again.
void lazily_freed_pages_do_not_count_as_free() {
  const std::string stat = "inactive_file 50000\nactive_file 40000\nfile 30000\nshmem 10000\n";
  CHECK(version2_budget({"1000000\n", "300000\n", stat}, {}).available_bytes == 720000);
  const std::string stat1 =
      "total_cache 30000\ntotal_inactive_file 50000\ntotal_active_file 40000\ntotal_shmem 10000\n";
  CHECK(version1_budget({"1000000\n", "300000\n", stat1}).available_bytes == 720000);
  const FakeRoot root;
  root.write("/proc/meminfo", kMachine + "Cached: 29000 kB\nActive(file): 40000 kB\n" +
                                  "Inactive(file): 50000 kB\nShmem: 10000 kB\n");
  CHECK(budget_of(root).available_bytes == (5242880 - 70000) * std::uint64_t{1024});
}

void memory_high_is_a_limit_too() {
  const os::MemoryBudget budget = version2_budget({}, {"2000000\n", "400000\n", "", "1000000\n"});
  CHECK(budget.available_bytes == 600000);
  CHECK(std::string(budget.source) == "memory.high of cgroup /outer/inner");
}

void no_more_than_the_limit_is_ever_available() {
  const Group group{"1000000\n", "300000\n", "inactive_file 400000\n"};
  CHECK(version2_budget({}, group).available_bytes == 1000000);
}

/// The limit may be lowered below the usage.
void nothing_is_available_beyond_the_limit() {
  CHECK(version2_budget({}, {"1000000\n", "1000001\n", ""}).available_bytes == 0);
}

void a_tighter_ancestor_is_the_budget() {
  const os::MemoryBudget budget =
      version2_budget({"2000000\n", "1900000\n", ""}, {"1000000\n", "300000\n", ""});
  CHECK(budget.available_bytes == 100000);
  CHECK(budget.total_bytes == 2000000);
  CHECK(std::string(budget.source) == "memory.max of cgroup /outer");
}

void a_wider_ancestor_is_not() {
  const os::MemoryBudget budget =
      version2_budget({"2000000\n", "300000\n", ""}, {"1000000\n", "300000\n", ""});
  CHECK(budget.available_bytes == 700000);
  CHECK(std::string(budget.source) == "memory.max of cgroup /outer/inner");
}

void an_ancestors_limit_counts_where_the_group_has_none() {
  const Group outer{"2000000\n", "500000\n", ""};
  CHECK(version2_budget(outer, {"max\n", "300000\n", ""}).available_bytes == 1500000);
  CHECK(version2_budget(outer, {}).available_bytes == 1500000);
}

void max_is_no_limit() {
  const Group unlimited{"max\n", "300000\n", ""};
  CHECK(is_the_machines(version2_budget(unlimited, unlimited)));
}

void a_limit_wider_than_the_machine_is_not_the_budget() {
  CHECK(is_the_machines(version2_budget({}, {"6000000000\n", "1000\n", ""})));
}

void a_limit_without_its_usage_is_not_known() {
  CHECK(is_the_machines(version2_budget({}, {"1000000\n", "", ""})));
}

void the_outermost_group_has_a_name() {
  const FakeRoot root;
  root.write("/proc/meminfo", kMachine);
  root.write("/proc/self/cgroup", "0::/\n");
  root.write("/proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  root.write("/sys/fs/cgroup/cgroup.procs", "1\n");
  root.write("/sys/fs/cgroup/memory.max", "1000000\n");
  root.write("/sys/fs/cgroup/memory.current", "1\n");
  CHECK(std::string(budget_of(root).source) == "memory.max of cgroup /");
}

void version1_has_a_limit() {
  const os::MemoryBudget budget = version1_budget({"1000000\n", "300000\n", ""});
  CHECK(budget.available_bytes == 700000);
  CHECK(budget.total_bytes == 1000000);
  CHECK(std::string(budget.source) == "memory.limit_in_bytes of cgroup /job");
}

/// There, "inactive_file" is the group's alone, while the usage counts its children's.
void version1_counts_inactive_file_pages_of_the_children_too() {
  const Group job{"1000000\n", "300000\n", "inactive_file 1\ntotal_inactive_file 50000\n"};
  CHECK(version1_budget(job).available_bytes == 750000);
}

void version1_counts_active_file_pages_too() {
  const Group job{"1000000\n", "300000\n", "total_inactive_file 50000\ntotal_active_file 100000\n"};
  CHECK(version1_budget(job).available_bytes == 850000);
}

/// The group that limits is not shown in a container, which sees its own group as the outermost.
void version1_knows_the_limit_of_a_group_that_is_not_shown() {
  const Group job{"9223372036854771712\n", "300000\n", "hierarchical_memory_limit 1000000\n"};
  const os::MemoryBudget budget = version1_budget(job);
  CHECK(budget.available_bytes == 700000);
  CHECK(std::string(budget.source) == "hierarchical_memory_limit of cgroup /job");
}

/// Where the group says that none above has a limit either, no other file is looked at.
void version1_believes_that_no_group_is_limited() {
  const std::string stat =
      "total_cache 0\ntotal_inactive_file 0\ntotal_active_file 0\ntotal_shmem 0\n"
      "hierarchical_memory_limit ";
  const Group unlimited{"9223372036854771712\n", "300000\n", stat + "9223372036854771712\n"};
  CHECK(std::string(version1_budget(unlimited).source) == "MemAvailable of this machine");
  const Group limited{"9223372036854771712\n", "300000\n", stat + "1000000\n"};
  CHECK(version1_budget(limited).available_bytes == 700000);
  const Group own{"800000\n", "300000\n", stat + "800000\n"};
  CHECK(version1_budget(own).available_bytes == 500000);
}

/// The process in "/outer/inner" of version 1, and the limit is outer's.
std::uint64_t available_below_an_ancestor(const std::string& use_hierarchy) {
  const FakeRoot root;
  root.write("/proc/meminfo", kMachine);
  root.write("/proc/self/cgroup", "4:memory:/outer/inner\n");
  root.write("/proc/self/mountinfo", "35 31 0:32 / /memory rw - cgroup cgroup rw,memory\n");
  root.write("/memory/outer/inner/cgroup.procs", "1\n");
  root.write("/memory/outer/memory.limit_in_bytes", "1000000\n");
  root.write("/memory/outer/memory.usage_in_bytes", "300000\n");
  write_unless_empty(root, "/memory/outer/memory.use_hierarchy", use_hierarchy);
  return budget_of(root).available_bytes;
}

void version1_without_hierarchy_has_no_ancestors_limit() {
  CHECK(available_below_an_ancestor("") == 700000);
  CHECK(available_below_an_ancestor("1\n") == 700000);
  CHECK(available_below_an_ancestor("0\n") == 5368709120);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMapsMoreThanAnyLimit = true;
#else
constexpr bool kMapsMoreThanAnyLimit = false;
#endif

/// In a process of its own, because the limit stays.
void the_processs_own_limits_count(int resource, const char* name) {
  CHECK(test::holds_in_child([resource, name] {
    const rlimit limit{std::uint64_t{1} << 40, std::uint64_t{1} << 40};
    CHECK(setrlimit(static_cast<decltype(RLIMIT_AS)>(resource), &limit) == 0);
    const FakeRoot root;
    root.write("/proc/meminfo", kMachine);
    root.write("/proc/self/statm", "268434000 100 50 1 0 268434000 0\n");  // 1 TiB less 1,456 pages
    const os::MemoryBudget budget = budget_of(root);
    CHECK(budget.available_bytes == 1456 * os::page_bytes());
    CHECK(std::string(budget.source) == std::string(name) + " of this process");
    return true;
  }));
}

void version1_writes_no_limit_as_a_large_number() {
  CHECK(is_the_machines(version1_budget({"9223372036854771712\n", "300000\n", ""})));
}

void this_systems_figures_make_sense() {
  os::MemoryBudget budget;
  CHECK(os::read_memory_budget(&budget) == 0);
  CHECK(budget.available_bytes > 0);
  CHECK(budget.available_bytes <= budget.total_bytes);
  CHECK(budget.source[0] != '\0');
}

}  // namespace

int main() {
  this_systems_figures_make_sense();
  without_groups_it_is_the_machines();
  without_meminfo_free_memory_counts("");
  without_meminfo_free_memory_counts("MemTotal: 8388608 kB\nMemFree: 1048576 kB\n");
  without_meminfo_a_groups_limit_counts();
  without_a_descriptor_nothing_is_known();
  a_limit_less_what_is_used_is_available();
  file_pages_count_as_free();
  lazily_freed_pages_do_not_count_as_free();
  memory_high_is_a_limit_too();
  no_more_than_the_limit_is_ever_available();
  nothing_is_available_beyond_the_limit();
  a_tighter_ancestor_is_the_budget();
  a_wider_ancestor_is_not();
  an_ancestors_limit_counts_where_the_group_has_none();
  max_is_no_limit();
  a_limit_wider_than_the_machine_is_not_the_budget();
  a_limit_without_its_usage_is_not_known();
  the_outermost_group_has_a_name();
  version1_has_a_limit();
  version1_counts_inactive_file_pages_of_the_children_too();
  version1_counts_active_file_pages_too();
  version1_knows_the_limit_of_a_group_that_is_not_shown();
  version1_believes_that_no_group_is_limited();
  version1_without_hierarchy_has_no_ancestors_limit();
  version1_writes_no_limit_as_a_large_number();
  if (!kMapsMoreThanAnyLimit) {
    the_processs_own_limits_count(RLIMIT_AS, "RLIMIT_AS");
    the_processs_own_limits_count(RLIMIT_DATA, "RLIMIT_DATA");
  }
}
