// Contract: the control groups (version 1 or 2) that this process is in. For os/linux/ alone.
//
// `root` is put before every path read ("" on a real system, a folder of made-up files in tests).
// References: cgroups(7), proc_pid_mountinfo(5), and the kernel's admin-guide on cgroup v1 and v2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace zerofill::os {

constexpr std::size_t kPathBytes = 768;

/// Where one controller's files of this process are.
struct Cgroup {
  char folder[kPathBytes];   ///< of the group that the process is in
  std::size_t mount_length;  ///< that many characters of `folder` are the outermost group
  bool version2;
};

/// Whether the folder is that of a group. Every group has its cgroup.procs, although some do not
/// let it be read.
bool is_group(const char* folder) noexcept;

/// False when the controller ("memory", "cpu") is not mounted or its files cannot be found.
bool find_cgroup(const char* root, const char* controller, Cgroup* group) noexcept;

/// Shortens `folder` to the group's parent; false when it was the outermost one.
bool to_parent(Cgroup* group) noexcept;

/// Reads a file of the group that holds one number; false when it cannot or reads "max".
bool read_number(const Cgroup& group, const char* file, std::uint64_t* value) noexcept;

/// A number to be read from a file of "key number" lines.
struct KeyedNumber {
  const char* key;  ///< null: not wanted
  std::uint64_t* value;
};

/// Reads numbers in one pass; true when all that are wanted were found. What was not found stays as
/// it was.
bool read_keyed_numbers(const char* path, std::initializer_list<KeyedNumber> wanted) noexcept;

/// Reads /proc/self/statm: the pages that are mapped, and those of private, writable memory.
bool read_statm(const char* path, std::uint64_t* mapped, std::uint64_t* data) noexcept;

/// Processors' worth of time that the quota allows, the smallest of all ancestors'; 0 for no quota.
double cgroup_cpu_quota(const char* root = "") noexcept;

}  // namespace zerofill::os
