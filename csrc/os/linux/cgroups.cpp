#include "os/linux/cgroups.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "os/linux/last_cgroup.h"

namespace zerofill::os {
namespace {

/// Reads one of the kernel's files line by line, and closes it at the end of its scope.
class Lines {
 public:
  explicit Lines(const char* path) noexcept : file_(std::fopen(path, "re")) {}

  char* next() noexcept {
    if (file_ == nullptr || std::fgets(line_, sizeof line_, file_.get()) == nullptr) return nullptr;
    line_[std::strcspn(line_, "\n")] = '\0';
    return line_;
  }

 private:
  struct Closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  std::unique_ptr<std::FILE, Closer> file_;
  char line_[4096];
};

/// Whether the comma-separated `list` holds `word`.
bool lists(const char* list, const char* word) noexcept {
  const std::size_t length = std::strlen(word);
  while (list != nullptr) {
    if (std::strncmp(list, word, length) == 0 && (list[length] == ',' || list[length] == '\0')) {
      return true;
    }
    list = std::strchr(list, ',');
    if (list != nullptr) ++list;
  }
  return false;
}

bool join(char* path, const char* first, const char* second, const char* third) noexcept {
  const int length = std::snprintf(path, kPathBytes, "%s%s%s", first, second, third);
  return length >= 0 && static_cast<std::size_t>(length) < kPathBytes;
}

/// The process's path within the hierarchy: the lines of /proc/self/cgroup are
/// "id:controllers:path", with id 0 and no controllers for version 2.
bool find_group_path(const char* root, const char* controller, bool version2, char* path) noexcept {
  char file[kPathBytes];
  if (!join(file, root, "/proc/self/cgroup", "")) return false;
  Lines lines(file);
  while (char* line = lines.next()) {
    char* controllers = std::strchr(line, ':');
    char* group = controllers != nullptr ? std::strchr(controllers + 1, ':') : nullptr;
    if (group == nullptr) continue;
    *controllers++ = '\0';
    *group++ = '\0';
    const bool match = version2 ? std::strcmp(line, "0") == 0 && *controllers == '\0'
                                : lists(controllers, controller);
    if (match) return join(path, group, "", "");
  }
  return false;
}

/// mountinfo writes a space, a tab, a newline and a backslash as three octal digits behind a
/// backslash.
void unescape(char* text) noexcept {
  char* end = text;
  for (const char* next = text; *next != '\0'; ++end) {
    const bool escaped = next[0] == '\\' && next[1] >= '0' && next[1] <= '3' && next[2] >= '0' &&
                         next[2] <= '7' && next[3] >= '0' && next[3] <= '7';
    *end = escaped ? static_cast<char>((next[1] - '0') * 64 + (next[2] - '0') * 8 + next[3] - '0')
                   : *next;
    next += escaped ? 4 : 1;
  }
  *end = '\0';
}

/// A mount of a hierarchy, and which of its groups it shows as its root.
struct Mount {
  char point[kPathBytes];
  char shown[kPathBytes];
};

/// The hierarchy's next mount in the lines of /proc/self/mountinfo; false when there is none.
bool next_mount(Lines* lines, const char* root, const char* controller, bool version2,
                Mount* mount) noexcept {
  while (char* line = lines->next()) {
    char point[kPathBytes];
    if (std::sscanf(line, "%*s %*s %*s %767s %767s", mount->shown, point) != 2) continue;
    const char* rest = std::strstr(line, " - ");
    char type[32];
    char options[512];
    if (rest == nullptr || std::sscanf(rest, " - %31s %*s %511s", type, options) != 2) continue;
    const bool match = version2 ? std::strcmp(type, "cgroup2") == 0
                                : std::strcmp(type, "cgroup") == 0 && lists(options, controller);
    if (!match) continue;
    unescape(mount->shown);
    unescape(point);
    return join(mount->point, root, point, "");
  }
  return false;
}

/// The part of a group's path below the group that the mount shows as its root; null when it is not
/// below that one ("/docker/12" is not below "/docker/1").
const char* path_below(const char* path, const char* shown) noexcept {
  const std::size_t length = std::strcmp(shown, "/") == 0 ? 0 : std::strlen(shown);
  if (std::strncmp(path, shown, length) != 0) return nullptr;
  const char* below = path + length;
  if (*below != '/' && *below != '\0') return nullptr;
  return std::strcmp(below, "/") == 0 ? "" : below;
}

bool enter(const Mount& mount, const char* below, Cgroup* group) noexcept {
  if (!join(group->folder, mount.point, below, "")) return false;
  group->mount_length = std::strlen(mount.point);
  return is_group(group->folder);
}

bool is_process_in(const char* folder) noexcept {
  char path[kPathBytes];
  if (!join(path, folder, "/cgroup.procs", "")) return false;
  Lines lines(path);
  while (const char* line = lines.next()) {
    if (std::strtol(line, nullptr, 10) == getpid()) return true;
  }
  return false;
}

/// How many groups the mount's root is above that of the process's namespace, which cannot name
/// them: mountinfo shows "/../.." for two. 0 when it is not above.
int levels_above(const char* shown) noexcept {
  int levels = 0;
  for (; std::strncmp(shown, "/..", 3) == 0; shown += 3) ++levels;
  return *shown == '\0' ? levels : 0;
}

/// Looks for the group with this process, so many unnamed groups and then `path` below the folder,
/// and makes `folder` its own.
bool find_process_below(char* folder, int levels, const char* path) noexcept {
  const std::size_t length = std::strlen(folder);
  if (levels == 0) {
    if (std::snprintf(folder + length, kPathBytes - length, "%s", path) < 0) return false;
    return is_process_in(folder);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> groups(opendir(folder), &closedir);
  if (groups == nullptr) return false;
  // Safe, because nobody else has this DIR: readdir(3).
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  while (const dirent* entry = readdir(groups.get())) {
    const bool is_group = entry->d_type == DT_DIR && entry->d_name[0] != '.';
    if (!is_group || length + std::strlen(entry->d_name) + 1 >= kPathBytes) continue;
    std::snprintf(folder + length, kPathBytes - length, "/%s", entry->d_name);
    if (find_process_below(folder, levels - 1, path)) return true;
    folder[length] = '\0';
  }
  return false;
}

bool enter_below(const Mount& mount, const char* path, Cgroup* group) noexcept {
  const int levels = levels_above(mount.shown);
  if (levels == 0 || !join(group->folder, mount.point, "", "")) return false;
  group->mount_length = std::strlen(mount.point);
  return find_process_below(group->folder, levels, std::strcmp(path, "/") == 0 ? "" : path);
}

/// Finds the folder of the group with that path in the hierarchy, or one that may be it.
bool find_folder(const char* root, const char* controller, bool version2, const char* path,
                 Cgroup* group, bool* is_sure) noexcept {
  char file[kPathBytes];
  if (!join(file, root, "/proc/self/mountinfo", "")) return false;
  group->version2 = version2;
  *is_sure = true;
  Mount mount;
  Mount first;
  bool is_mounted = false;
  Lines lines(file);
  while (next_mount(&lines, root, controller, version2, &mount)) {
    if (!is_mounted) first = mount;
    is_mounted = true;
    const char* below = path_below(path, mount.shown);
    if (below != nullptr && enter(mount, below, group)) return true;
    if (enter_below(mount, path, group)) return true;
  }
  *is_sure = false;
  // A container may show its own group alone, and name it by the host's path or by its own. Then
  // the mount has it below its root, or as its root.
  return is_mounted &&
         (enter(first, std::strcmp(path, "/") == 0 ? "" : path, group) || enter(first, "", group));
}

bool find_in(const char* root, const char* controller, bool version2, Cgroup* group) noexcept {
  char path[kPathBytes];
  if (!find_group_path(root, controller, version2, path)) return false;
  // The quota of CPUs is looked for once, and memory for each large array.
  const bool is_for_memory = *root == '\0' && std::strcmp(controller, "memory") == 0;
  if (is_for_memory && recall_cgroup(path, version2, group)) return true;
  bool is_sure = false;
  if (!find_folder(root, controller, version2, path, group, &is_sure)) return false;
  if (is_for_memory && is_sure) remember_cgroup(path, *group);
  return true;
}

double quota_of(const Cgroup& group) noexcept {
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  if (group.version2) {
    char path[kPathBytes];
    if (!join(path, group.folder, "/", "cpu.max")) return 0;
    Lines lines(path);
    const char* line = lines.next();  // "max 100000" or "150000 100000"
    if (line == nullptr) return 0;
    if (std::sscanf(line, "%" SCNu64 " %" SCNu64, &quota, &period) != 2) return 0;
  } else if (!read_number(group, "cpu.cfs_quota_us", &quota) ||  // -1 for none
             !read_number(group, "cpu.cfs_period_us", &period)) {
    return 0;
  }
  return period == 0 ? 0 : static_cast<double>(quota) / static_cast<double>(period);
}

}  // namespace

bool is_group(const char* folder) noexcept {
  char path[kPathBytes];
  return join(path, folder, "/cgroup.procs", "") && access(path, F_OK) == 0;
}

bool find_cgroup(const char* root, const char* controller, Cgroup* group) noexcept {
  return find_in(root, controller, false, group) || find_in(root, controller, true, group);
}

bool to_parent(Cgroup* group) noexcept {
  char* slash = std::strrchr(group->folder, '/');
  if (slash == nullptr) return false;
  if (static_cast<std::size_t>(slash - group->folder) < group->mount_length) return false;
  *slash = '\0';
  return true;
}

bool read_number(const Cgroup& group, const char* file, std::uint64_t* value) noexcept {
  char path[kPathBytes];
  if (!join(path, group.folder, "/", file)) return false;
  Lines lines(path);
  const char* line = lines.next();
  return line != nullptr && *line != '-' && std::sscanf(line, "%" SCNu64, value) == 1;
}

bool read_keyed_numbers(const char* path, std::initializer_list<KeyedNumber> wanted) noexcept {
  const auto is_wanted = [](const KeyedNumber& number) { return number.key != nullptr; };
  auto missing = std::count_if(wanted.begin(), wanted.end(), is_wanted);
  Lines lines(path);
  while (const char* line = missing > 0 ? lines.next() : nullptr) {
    for (const KeyedNumber& number : wanted) {
      const std::size_t length = number.key != nullptr ? std::strlen(number.key) : 0;
      if (length == 0 || std::strncmp(line, number.key, length) != 0 || line[length] != ' ') {
        continue;
      }
      missing -= std::sscanf(line + length, "%" SCNu64, number.value) == 1;
    }
  }
  return missing == 0;
}

bool read_statm(const char* path, std::uint64_t* mapped, std::uint64_t* data) noexcept {
  Lines lines(path);
  const char* line = lines.next();  // size resident shared text lib data dt
  constexpr const char* kFormat = "%" SCNu64 " %*s %*s %*s %*s %" SCNu64;
  return line != nullptr && std::sscanf(line, kFormat, mapped, data) == 2;
}

double cgroup_cpu_quota(const char* root) noexcept {
  Cgroup group;
  if (!find_cgroup(root, "cpu", &group)) return 0;
  double smallest = 0;
  do {
    const double quota = quota_of(group);
    if (quota > 0) smallest = smallest > 0 ? std::min(smallest, quota) : quota;
  } while (to_parent(&group));
  return smallest;
}

}  // namespace zerofill::os
