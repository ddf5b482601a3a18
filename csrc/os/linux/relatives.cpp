#include "os/relatives.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace zerofill::os {
namespace {

/// The number of a running process's parent, by proc_pid_stat(5); 0 where it does not run.
int parent_of(int process) noexcept {
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%d/stat", process);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return 0;
  char text[256] = "";
  const std::size_t length = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[length] = '\0';
  // The name is in parentheses, and may hold any character.
  const char* behind_name = std::strrchr(text, ')');
  char state = 'X';
  int parent = 0;
  if (behind_name == nullptr || std::sscanf(behind_name, ") %c %d", &state, &parent) != 2) return 0;
  return state != 'Z' && state != 'X' ? parent : 0;
}

}  // namespace

int this_process() noexcept { return getpid(); }

int this_process_in_paths() noexcept {
  char target[16] = "";
  const ssize_t length = readlink("/proc/self", target, sizeof target - 1);
  return length > 0 ? static_cast<int>(std::strtol(target, nullptr, 10)) : getpid();
}

bool runs_same_program(int process) noexcept {
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%d/exe", process);
  struct stat mine{};
  struct stat theirs{};
  return stat("/proc/self/exe", &mine) == 0 && stat(path, &theirs) == 0 &&
         mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino;
}

// A list of a process's children is there only where the kernel was built so, and with threads it
// is in as many parts. So all processes are looked at: 3 us each.
bool has_running_child(int starter, int tracker) noexcept {
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return true;
  const int self = this_process_in_paths();
  bool found = false;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): readdir(3), the stream is this thread's own
  while (const dirent* entry = found ? nullptr : readdir(folder)) {
    char* end = nullptr;
    const auto process = static_cast<int>(std::strtol(entry->d_name, &end, 10));
    if (process <= 0 || *end != '\0' || process == starter || process == tracker) continue;
    const int parent = parent_of(process);
    const bool is_ours = parent == self || (starter != 0 && parent == starter);
    found = is_ours && runs_same_program(process);
  }
  closedir(folder);
  return found;
}

}  // namespace zerofill::os
