#include "os/threads.h"

#include <pthread.h>

#include <cstdio>

#include "os/posix/thread_names.h"

namespace zerofill::os {

void name_this_thread(const char* name) noexcept { pthread_setname_np(pthread_self(), name); }

int count_threads() noexcept {
  std::FILE* file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) return 0;
  char line[128];
  int threads = 0;
  while (threads == 0 && std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "Threads: %d", &threads) != 1) threads = 0;
  }
  std::fclose(file);
  return threads;
}

}  // namespace zerofill::os
