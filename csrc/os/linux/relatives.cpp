#include "os/relatives.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace zerofill::os {
namespace {

/// Whether a process is a running child of `parent`: proc_pid_stat(5).
bool is_running_child(long process, int parent) noexcept {
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%ld/stat", process);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return false;
  char text[256] = "";
  const std::size_t length = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[length] = '\0';
  // The name is in parentheses, and may hold any character.
  const char* behind_name = std::strrchr(text, ')');
  char state = 'X';
  int found = 0;
  if (behind_name == nullptr || std::sscanf(behind_name, ") %c %d", &state, &found) != 2)
    return false;
  return found == parent && state != 'Z' && state != 'X';
}

}  // namespace

int this_process() noexcept { return getpid(); }

// A list of a process's children is there only where the kernel was built so, and with threads it
// is in as many parts. So all processes are looked at: 3 us each.
bool has_running_child() noexcept {
  DIR* folder = opendir("/proc");
  if (folder == nullptr) return true;
  const int self = this_process();
  bool found = false;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): readdir(3), the stream is this thread's own
  while (const dirent* entry = found ? nullptr : readdir(folder)) {
    char* end = nullptr;
    const long process = std::strtol(entry->d_name, &end, 10);
    found = process > 0 && *end == '\0' && is_running_child(process, self);
  }
  closedir(folder);
  return found;
}

bool is_running(int process) noexcept { return kill(process, 0) == 0 || errno == EPERM; }

}  // namespace zerofill::os
