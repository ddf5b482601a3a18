#include "os/threads.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "os/posix/thread_names.h"

namespace zerofill::os {

void name_this_thread(const char* name) noexcept { pthread_setname_np(pthread_self(), name); }

void lower_priority_of_this_thread() noexcept {
  constexpr int kLowest = 19;
  // Linux has a nice value for each thread. If this is refused, the thread runs all the same.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kLowest);
}

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
