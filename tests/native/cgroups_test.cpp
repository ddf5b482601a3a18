// os/linux/cgroups: which control group this process is in, and what its files say.
#include "os/linux/cgroups.h"

#include <unistd.h>

#include <string>

#include "check.h"
#include "fake_root.h"

namespace {

using namespace zerofill;
using os::Cgroup;
using test::FakeRoot;

// Lines of a mountinfo, as systems have them: one with optional fields, the others without.
const std::string kVersion2Mount =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 master:1 - cgroup2 cgroup2 "
    "rw,nsdelegate\n";
const std::string kMemoryMount =
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";
const std::string kCpuMount =
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n";
const std::string kCpusetMount =
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n";
const std::string kOtherMounts =
    "21 28 0:20 / /sys rw,nosuid - sysfs sysfs rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n";

void describe(const FakeRoot& root, const std::string& groups, const std::string& mounts) {
  root.write("/proc/self/cgroup", groups);
  root.write("/proc/self/mountinfo", kOtherMounts + mounts);
}

void make_group(const FakeRoot& root, const std::string& folder) {
  root.write(folder + "/cgroup.procs", "1\n");
}

/// The group that is found, as a path below the fake root.
std::string found(const FakeRoot& root, const char* controller) {
  Cgroup group;
  if (!os::find_cgroup(root.path().c_str(), controller, &group)) return "none";
  return group.folder + root.path().size();
}

/// "/a/b" in version 2, and every group above it.
void make_version2_system(const FakeRoot& root) {
  describe(root, "0::/a/b\n", kVersion2Mount);
  make_group(root, "/sys/fs/cgroup");
  make_group(root, "/sys/fs/cgroup/a");
  make_group(root, "/sys/fs/cgroup/a/b");
}

/// "/job" in version 1, for both controllers.
void make_version1_system(const FakeRoot& root) {
  describe(root, "9:cpuset:/wrong\n4:memory:/job\n3:cpu,cpuacct:/job\n0::/\n",
           kCpusetMount + kMemoryMount + kCpuMount);
  for (const char* controller : {"cpuset", "memory", "cpu,cpuacct"}) {
    make_group(root, std::string("/sys/fs/cgroup/") + controller);
    make_group(root, std::string("/sys/fs/cgroup/") + controller + "/job");
  }
}

Cgroup find(const FakeRoot& root, const char* controller) {
  Cgroup group;
  CHECK(os::find_cgroup(root.path().c_str(), controller, &group));
  return group;
}

void version2_is_found() {
  const FakeRoot root;
  make_version2_system(root);
  CHECK(found(root, "memory") == "/sys/fs/cgroup/a/b");
  CHECK(find(root, "memory").version2);
  CHECK(find(root, "memory").mount_length == root.path().size() + 14);
}

void version1_is_found() {
  const FakeRoot root;
  make_version1_system(root);
  CHECK(found(root, "memory") == "/sys/fs/cgroup/memory/job");
  CHECK(!find(root, "memory").version2);
  CHECK(find(root, "memory").mount_length == root.path().size() + 21);
}

void one_of_joined_controllers_is_found() {
  const FakeRoot root;
  make_version1_system(root);
  CHECK(found(root, "cpu") == "/sys/fs/cgroup/cpu,cpuacct/job");
  CHECK(found(root, "cpuacct") == "/sys/fs/cgroup/cpu,cpuacct/job");
}

void a_longer_name_is_another_controller() {
  const FakeRoot root;
  describe(root, "9:cpuset:/\n", kCpusetMount);
  make_group(root, "/sys/fs/cgroup/cpuset");
  CHECK(found(root, "cpu") == "none");
}

/// Hybrid systems have version 2 as well, with other controllers than version 1's.
void version1_goes_first() {
  const FakeRoot root;
  describe(root, "4:memory:/job\n0::/unified\n", kVersion2Mount + kMemoryMount);
  make_group(root, "/sys/fs/cgroup/memory/job");
  make_group(root, "/sys/fs/cgroup/unified");
  CHECK(found(root, "memory") == "/sys/fs/cgroup/memory/job");
  CHECK(found(root, "cpu") == "/sys/fs/cgroup/unified");
}

/// Docker without a cgroup namespace: the path is the host's, the mount shows this group alone.
void a_mount_of_the_own_group_is_its_folder() {
  const FakeRoot root;
  describe(root, "4:memory:/docker/1234\n",
           "35 31 0:32 /docker/1234 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  make_group(root, "/sys/fs/cgroup/memory");
  CHECK(found(root, "memory") == "/sys/fs/cgroup/memory");
}

void a_group_below_what_is_mounted_is_found() {
  const FakeRoot root;
  describe(root, "4:memory:/docker/1234/inner\n",
           "35 31 0:32 /docker/1234 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
  make_group(root, "/sys/fs/cgroup/memory/inner");
  CHECK(found(root, "memory") == "/sys/fs/cgroup/memory/inner");
}

void a_group_outside_of_what_is_mounted_gives_the_mounts_root() {
  const FakeRoot root;
  describe(root, "0::/not/here\n", kVersion2Mount);
  make_group(root, "/sys/fs/cgroup");
  CHECK(found(root, "memory") == "/sys/fs/cgroup");
}

void a_longer_name_is_not_below_a_shorter_one() {
  const FakeRoot root;
  describe(root, "4:memory:/docker/12\n",
           "35 31 0:32 /docker/1 /one rw - cgroup cgroup rw,memory\n"
           "36 31 0:32 /docker/12 /two rw - cgroup cgroup rw,memory\n");
  make_group(root, "/one");
  make_group(root, "/one/2");
  make_group(root, "/two");
  CHECK(found(root, "memory") == "/two");
}

/// Somebody may have mounted another group first.
void the_mount_that_shows_the_own_group_is_found() {
  const FakeRoot root;
  describe(root, "4:memory:/docker/12\n",
           "35 31 0:32 /system /other rw - cgroup cgroup rw,memory\n" + kMemoryMount);
  make_group(root, "/other");
  make_group(root, "/sys/fs/cgroup/memory/docker/12");
  CHECK(found(root, "memory") == "/sys/fs/cgroup/memory/docker/12");
}

void spaces_in_a_path_are_unescaped() {
  const FakeRoot root;
  describe(root, "4:memory:/my job\n",
           "35 31 0:32 /my\\040job /mount\\040point rw - cgroup cgroup rw,memory\n");
  make_group(root, "/mount point");
  CHECK(found(root, "memory") == "/mount point");
}

void missing_files_are_no_group() {
  const FakeRoot root;
  CHECK(found(root, "memory") == "none");
  root.write("/proc/self/cgroup", "0::/\n");
  CHECK(found(root, "memory") == "none");
  root.write("/proc/self/mountinfo", kOtherMounts);
  CHECK(found(root, "memory") == "none");
  root.write("/proc/self/mountinfo", kOtherMounts + kVersion2Mount);
  CHECK(found(root, "memory") == "none");
  make_group(root, "/sys/fs/cgroup");
  CHECK(found(root, "memory") == "/sys/fs/cgroup");
}

void lines_that_make_no_sense_are_passed_over() {
  const FakeRoot root;
  describe(root, "\nnonsense\n1:2\n0::/a\n", "\nnonsense\n1 2 3 4\n" + kVersion2Mount);
  make_group(root, "/sys/fs/cgroup/a");
  CHECK(found(root, "memory") == "/sys/fs/cgroup/a");
}

void a_path_too_long_is_no_group() {
  const FakeRoot root;
  describe(root, "0::/" + std::string(800, 'x') + "\n", kVersion2Mount);
  make_group(root, "/sys/fs/cgroup");
  CHECK(found(root, "memory") == "none");
}

void parents_end_at_the_mount() {
  const FakeRoot root;
  make_version2_system(root);
  Cgroup group = find(root, "memory");
  CHECK(os::to_parent(&group));
  CHECK(group.folder == root.path() + "/sys/fs/cgroup/a");
  CHECK(os::to_parent(&group));
  CHECK(group.folder == root.path() + "/sys/fs/cgroup");
  CHECK(!os::to_parent(&group));
  CHECK(group.folder == root.path() + "/sys/fs/cgroup");
}

void a_number_is_read() {
  const FakeRoot root;
  make_version2_system(root);
  root.write("/sys/fs/cgroup/a/b/memory.max", "18446744073709551615\n");
  std::uint64_t value = 5;
  CHECK(os::read_number(find(root, "memory"), "memory.max", &value));
  CHECK(value == 18446744073709551615u);
}

void what_is_no_number_is_not_read(const std::string& text) {
  const FakeRoot root;
  make_version2_system(root);
  root.write("/sys/fs/cgroup/a/b/memory.max", text);
  std::uint64_t value = 5;
  CHECK(!os::read_number(find(root, "memory"), "memory.max", &value));
  CHECK(!os::read_number(find(root, "memory"), "memory.missing", &value));
  CHECK(value == 5);
}

void a_number_is_read_by_its_whole_key() {
  const FakeRoot root;
  root.write("/stat", "inactive_file_pages 1\ntotal_inactive_file 2\ninactive_file 3\n");
  const std::string file = root.path() + "/stat";
  std::uint64_t value = 5;
  CHECK(os::read_keyed_numbers(file.c_str(), {{"inactive_file", &value}}) && value == 3);
  CHECK(os::read_keyed_numbers(file.c_str(), {{"total_inactive_file", &value}}) && value == 2);
  CHECK(!os::read_keyed_numbers(file.c_str(), {{"inactive", &value}}) && value == 2);
}

double version2_quota(const char* parent, const char* own) {
  const FakeRoot root;
  make_version2_system(root);
  if (parent != nullptr) root.write("/sys/fs/cgroup/a/cpu.max", parent);
  if (own != nullptr) root.write("/sys/fs/cgroup/a/b/cpu.max", own);
  return os::cgroup_cpu_quota(root.path().c_str());
}

double version1_quota(const char* quota_us, const char* period_us) {
  const FakeRoot root;
  make_version1_system(root);
  root.write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", quota_us);
  root.write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", period_us);
  return os::cgroup_cpu_quota(root.path().c_str());
}

void version2_has_a_quota() {
  CHECK(version2_quota(nullptr, "150000 100000\n") == 1.5);
  CHECK(version2_quota(nullptr, "20000 10000\n") == 2.0);
}

void the_smallest_quota_of_all_ancestors_counts() {
  CHECK(version2_quota("50000 100000\n", "150000 100000\n") == 0.5);
  CHECK(version2_quota("300000 100000\n", "150000 100000\n") == 1.5);
  CHECK(version2_quota("300000 100000\n", "max 100000\n") == 3.0);
  CHECK(version2_quota("300000 100000\n", nullptr) == 3.0);
}

void version2_may_have_none() {
  CHECK(version2_quota(nullptr, nullptr) == 0);
  CHECK(version2_quota("max 100000\n", "max 100000\n") == 0);
}

void version1_has_a_quota() {
  CHECK(version1_quota("250000\n", "100000\n") == 2.5);
  CHECK(version1_quota("5000\n", "10000\n") == 0.5);
}

void version1_may_have_none() {
  CHECK(version1_quota("-1\n", "100000\n") == 0);
  CHECK(version1_quota("100000\n", "0\n") == 0);
}

/// The mount shows groups above the namespace's root, which have no names there.
void a_group_below_unnamed_groups_is_found() {
  const std::string process = std::to_string(getpid()) + "\n";
  for (const std::string path : {"/", "/job"}) {
    const FakeRoot root;
    root.write("/proc/self/cgroup", "4:memory:" + path + "\n");
    root.write("/proc/self/mountinfo", "35 31 0:32 /../.. /memory rw - cgroup cgroup rw,memory\n");
    const std::string below = path == "/" ? "" : path;
    root.write("/memory/cgroup.procs", "");
    root.write("/memory/a/b" + below + "/cgroup.procs", "1\n");
    root.write("/memory/c/d" + below + "/cgroup.procs", "1\n" + process);
    os::Cgroup group;
    CHECK(os::find_cgroup(root.path().c_str(), "memory", &group));
    CHECK(std::string(group.folder) == root.path() + "/memory/c/d" + below);
    CHECK(os::to_parent(&group));
    CHECK(std::string(group.folder).find("/memory/c") != std::string::npos);
  }
}

void no_groups_have_no_quota() {
  const FakeRoot root;
  CHECK(os::cgroup_cpu_quota(root.path().c_str()) == 0);
}

}  // namespace

int main() {
  version2_is_found();
  version1_is_found();
  one_of_joined_controllers_is_found();
  a_longer_name_is_another_controller();
  version1_goes_first();
  a_mount_of_the_own_group_is_its_folder();
  a_group_below_what_is_mounted_is_found();
  a_group_outside_of_what_is_mounted_gives_the_mounts_root();
  a_longer_name_is_not_below_a_shorter_one();
  the_mount_that_shows_the_own_group_is_found();
  spaces_in_a_path_are_unescaped();
  missing_files_are_no_group();
  lines_that_make_no_sense_are_passed_over();
  a_path_too_long_is_no_group();
  parents_end_at_the_mount();
  a_number_is_read();
  what_is_no_number_is_not_read("max\n");
  what_is_no_number_is_not_read("-1\n");
  what_is_no_number_is_not_read("");
  a_number_is_read_by_its_whole_key();
  version2_has_a_quota();
  the_smallest_quota_of_all_ancestors_counts();
  version2_may_have_none();
  version1_has_a_quota();
  version1_may_have_none();
  no_groups_have_no_quota();
  a_group_below_unnamed_groups_is_found();
}
