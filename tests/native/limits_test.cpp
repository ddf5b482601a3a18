// os/linux/limits: the tightest of the machine's and all control groups' limits is the budget.
#include "os/linux/limits.h"

#include <cerrno>
#include <string>
#include <utility>

#include "check.h"
#include "fake_root.h"

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

void without_the_machines_figures_it_is_not_known(const std::string& meminfo) {
  const FakeRoot root;
  write_unless_empty(root, "/proc/meminfo", meminfo);
  os::MemoryBudget budget;
  CHECK(os::read_memory_budget_below(root.path().c_str(), &budget) == ENOENT);
}

void a_limit_less_what_is_used_is_available() {
  const os::MemoryBudget budget = version2_budget({}, {"1000000\n", "300000\n", ""});
  CHECK(budget.available_bytes == 700000);
  CHECK(budget.total_bytes == 1000000);
  CHECK(std::string(budget.source) == "memory.max of cgroup /outer/inner");
}

void inactive_file_pages_count_as_free() {
  const Group group{"1000000\n", "300000\n", "anon 1\ninactive_file 50000\nactive_file 7\n"};
  CHECK(version2_budget({}, group).available_bytes == 750000);
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
  without_the_machines_figures_it_is_not_known("");
  without_the_machines_figures_it_is_not_known("MemTotal: 8388608 kB\nMemFree: 1048576 kB\n");
  a_limit_less_what_is_used_is_available();
  inactive_file_pages_count_as_free();
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
  version1_writes_no_limit_as_a_large_number();
}
