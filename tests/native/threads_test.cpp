// os/threads: threads that have their name and leave every signal to the program's own.
#include "os/threads.h"

#include <pthread.h>
#include <signal.h>

#include <cstring>

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
  int threads = 0;
};

void look_around(void* context) {
  auto* findings = static_cast<Findings*>(context);
  pthread_getname_np(pthread_self(), findings->name, sizeof findings->name);
  findings->blocks_interrupt = blocks(SIGINT);
  findings->blocks_terminate = blocks(SIGTERM);
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
  the_starter_does_not();
}
