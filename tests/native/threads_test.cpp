// os/threads: threads that have their name and leave every signal to the program's own.
#include "os/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstring>
#include <initializer_list>

#include "check.h"

namespace {

using namespace zerofill;

bool blocks(int signal) {
  sigset_t mask;
  CHECK(pthread_sigmask(SIG_SETMASK, nullptr, &mask) == 0);
  return sigismember(&mask, signal) == 1;
}

/// What a thread found out about itself.
struct Findings {
  char name[16] = "";
  bool blocks_interrupt = false;
  bool blocks_terminate = false;
  bool blocks_what_it_causes = false;
  int threads = 0;
};

void look_around(void* context) {
  auto* findings = static_cast<Findings*>(context);
  pthread_getname_np(pthread_self(), findings->name, sizeof findings->name);
  findings->blocks_interrupt = blocks(SIGINT);
  findings->blocks_terminate = blocks(SIGTERM);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
    findings->blocks_what_it_causes |= blocks(signal);
  }
  findings->threads = os::count_threads();
}

Findings findings_of_a_thread(const char* name) {
  Findings findings;
  os::Thread thread;
  CHECK(os::start_thread(name, look_around, &findings, &thread) == 0);
  os::join_threads(&thread, 1);
  return findings;
}

void a_thread_has_its_name() {
  CHECK(std::strcmp(findings_of_a_thread("zerofill-123456").name, "zerofill-123456") == 0);
}

void a_thread_blocks_signals() {
  const Findings findings = findings_of_a_thread("zerofill-test");
  CHECK(findings.blocks_interrupt);
  CHECK(findings.blocks_terminate);
}

/// Or a handler for a write barrier would not run, and the process would end instead.
void a_thread_leaves_signals_open_that_it_causes() {
  CHECK(!findings_of_a_thread("zerofill-test").blocks_what_it_causes);
}

#ifdef __linux__

struct Scheduling {
  int policy = -1;
  int nice = -100;
  int cpus = 0;
};

void look_at_scheduling(void* context) {
  auto* found = static_cast<Scheduling*>(context);
  found->policy = static_cast<int>(syscall(SYS_sched_getscheduler, 0));
  found->nice = getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
  cpu_set_t cpus;
  CHECK(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
  found->cpus = CPU_COUNT(&cpus);
}

Scheduling scheduling_of_a_thread() {
  Scheduling found;
  os::Thread thread;
  CHECK(os::start_thread("zerofill-test", look_at_scheduling, &found, &thread) == 0);
  os::join_threads(&thread, 1);
  return found;
}

void* start_one_when_odd(void* context) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 5) == 0);
  sched_param real_time{};
  real_time.sched_priority = 1;
  (void)syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &real_time);  // where that is allowed
  *static_cast<Scheduling*>(context) = scheduling_of_a_thread();
  return nullptr;
}

void a_thread_has_the_scheduling_of_the_process() {
  const Scheduling plain = scheduling_of_a_thread();
  CHECK(plain.policy == SCHED_OTHER);
  Scheduling found;
  pthread_t odd;
  CHECK(pthread_create(&odd, nullptr, start_one_when_odd, &found) == 0);
  CHECK(pthread_join(odd, nullptr) == 0);
  CHECK(found.policy == SCHED_OTHER);
  CHECK(found.cpus == plain.cpus);
  CHECK(found.nice == plain.nice || geteuid() != 0);  // others may not take a nice value back
}

#endif

void the_starter_does_not() {
  findings_of_a_thread("zerofill-test");
  CHECK(!blocks(SIGINT));
  CHECK(!blocks(SIGTERM));
}

/// It and the starter, and perhaps a sanitizer's.
void a_thread_is_counted() {
  const int threads = findings_of_a_thread("zerofill-test").threads;
  CHECK(threads == 0 || threads >= 2);  // 0: the system does not say
}

}  // namespace

int main() {
  a_thread_is_counted();
  a_thread_has_its_name();
  a_thread_blocks_signals();
  a_thread_leaves_signals_open_that_it_causes();
  the_starter_does_not();
#ifdef __linux__
  a_thread_has_the_scheduling_of_the_process();
#endif
}
