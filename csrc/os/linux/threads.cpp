#include "os/threads.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "os/linux/affinity.h"
#include "os/nodes.h"
#include "os/posix/this_thread.h"

namespace zerofill::os {

namespace {

void set_nice_value(int value) noexcept {
  // Linux has a nice value for each thread. If this is refused, the thread runs all the same.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), value);
}

}  // namespace

void name_this_thread(const char* name) noexcept { pthread_setname_np(pthread_self(), name); }

void reset_scheduling_of_this_thread() noexcept {
  const sched_param no_priority{};
  // By its number, because musl's function refuses: by POSIX it would be the process's policy.
  (void)syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &no_priority);
  set_nice_value(getpriority(PRIO_PROCESS, static_cast<id_t>(getpid())));
  follow_cpus_of_the_process();
  reset_policy_of_this_thread();
}

void follow_cpus_of_the_process() noexcept {
  (void)with_affinity(getpid(), [](const cpu_set_t* set, std::size_t bytes) {
    bool is_same = false;
    (void)with_affinity(0, [&](const cpu_set_t* mine, std::size_t my_bytes) {
      is_same = my_bytes == bytes && CPU_EQUAL_S(bytes, mine, set);
    });
    if (!is_same) (void)sched_setaffinity(0, bytes, set);
  });
}

void lower_priority_of_this_thread() noexcept {
  constexpr int kLowest = 19;
  set_nice_value(kLowest);
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
