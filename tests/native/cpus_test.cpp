// os/cpus: the affinity mask bounds the processors, and with them the threads by default.
#include "os/cpus.h"

#include <sched.h>
#include <unistd.h>

#include "check.h"
#include "memory/options.h"

namespace {

using namespace zerofill;

void there_is_a_processor() { CHECK(os::usable_cpus() >= 1); }

void there_are_not_more_than_the_systems() {
  CHECK(os::usable_cpus() <= sysconf(_SC_NPROCESSORS_CONF));
}

void stay_on_one_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
}

void a_mask_of_one_leaves_one() { CHECK(os::usable_cpus() == 1); }

void the_default_number_of_threads_is_that() {
  CHECK(memory::options().num_threads == os::usable_cpus());
}

}  // namespace

int main() {
  there_is_a_processor();
  there_are_not_more_than_the_systems();
  the_default_number_of_threads_is_that();
  stay_on_one_processor();
  a_mask_of_one_leaves_one();
}
