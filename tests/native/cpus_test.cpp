// os/cpus: the affinity mask bounds the processors, and with them the threads by default.
#include "os/cpus.h"

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <thread>

#include "check.h"
#include "team/team.h"

namespace {

using namespace zerofill;

void there_is_a_processor() { CHECK(os::usable_cpus() >= 1); }

void there_are_not_more_than_the_systems() {
  CHECK(os::usable_cpus() <= sysconf(_SC_NPROCESSORS_CONF));
}

void caches_grow_from_level_to_level() {
  std::size_t former = 0;
  for (int level : {1, 2, 3}) {
    const std::size_t bytes = os::cache_bytes(level);
    CHECK(bytes == 0 || bytes >= former);
    if (bytes != 0) former = bytes;
  }
  CHECK(os::last_level_cache_bytes() == former);
}

void a_name_is_cut_to_what_there_is_room_for() {
  char text[4] = "xyz";
  os::read_cpu_name(text, sizeof text);
  CHECK(text[3] == '\0');
}

void stay_on_one_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
}

void a_mask_of_one_leaves_one() { CHECK(os::usable_cpus() == 1); }

void the_default_number_of_threads_is_that() { CHECK(team::max_threads() == os::usable_cpus()); }

/// How many processors the worker may use that takes part in a loop.
int cpus_of_a_worker() {
  const std::thread::id caller = std::this_thread::get_id();
  std::atomic<int> cpus{0};
  auto body = [&](std::size_t) {
    if (std::this_thread::get_id() != caller) cpus = os::usable_cpus();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  for (int tries = 0; cpus == 0 && tries < 1000; ++tries) team::parallel_for(64, 2, {}, body);
  return cpus;
}

void workers_follow_the_process() {
  cpu_set_t all;
  CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
  const int count = os::usable_cpus();
  stay_on_one_processor();
  CHECK(cpus_of_a_worker() == 1);
  CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
  CHECK(cpus_of_a_worker() == count);
}

}  // namespace

int main() {
  there_is_a_processor();
  there_are_not_more_than_the_systems();
  caches_grow_from_level_to_level();
  a_name_is_cut_to_what_there_is_room_for();
  the_default_number_of_threads_is_that();
  workers_follow_the_process();
  stay_on_one_processor();
  a_mask_of_one_leaves_one();
}
