#include "os/threads.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <new>

#include "os/posix/this_thread.h"

namespace zerofill::os {
namespace {

// Our threads run a few frames of this library and nothing else, and the C library's usual 8 MiB
// would only enlarge the process's virtual size. It is not less because sanitizers' frames are
// larger.
constexpr std::size_t kStackBytes = std::size_t{512} << 10;

struct Start {
  void (*body)(void*);
  void* argument;
  char name[16];
};

void* run(void* opaque) {
  auto* start = static_cast<Start*>(opaque);
  const Start copy = *start;
  delete start;
  name_this_thread(copy.name);
  reset_scheduling_of_this_thread();
  copy.body(copy.argument);
  return nullptr;
}

/// All signals but those that a thread causes by what it executes. The handlers of these must run
/// in that thread: a write barrier by mprotect(2) works so, and Python's faulthandler.
sigset_t asynchronous_signals() noexcept {
  sigset_t signals;
  sigfillset(&signals);
  for (const int caused : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT}) {
    sigdelset(&signals, caused);
  }
  return signals;
}

int create(Start* start, pthread_t* id) noexcept {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  error = pthread_attr_setstacksize(&attributes, kStackBytes);
  if (error == 0) {
    // A thread inherits the mask. Everything is blocked around its creation, because otherwise a
    // signal could be delivered to it before it blocks signals itself.
    const sigset_t blocked = asynchronous_signals();
    sigset_t before;
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    error = pthread_create(id, &attributes, run, start);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  pthread_attr_destroy(&attributes);
  return error;
}

void join(Thread thread) noexcept {
  auto* id = static_cast<pthread_t*>(thread.handle);
  pthread_join(*id, nullptr);
  delete id;
}

}  // namespace

int start_thread(const char* name, void (*body)(void*), void* argument, Thread* thread) noexcept {
  auto* id = new (std::nothrow) pthread_t;
  auto* start = new (std::nothrow) Start{body, argument, {}};
  int error = id == nullptr || start == nullptr ? ENOMEM : 0;
  if (error == 0) {
    std::snprintf(start->name, sizeof start->name, "%s", name);
    error = create(start, id);
  }
  if (error != 0) {
    delete id;
    delete start;
    return error;
  }
  thread->handle = id;
  return 0;
}

void join_threads(const Thread* threads, int count) noexcept {
  const int counted = count > 0 ? count_threads() : 0;
  for (int i = 0; i < count; ++i) join(threads[i]);
  // The system can count a joined thread for a moment longer. The wait is bounded, because others
  // may have started threads meanwhile.
  for (int tries = 0; counted > count && tries < 200; ++tries) {
    if (count_threads() <= counted - count) break;
    sleep_microseconds(50);
  }
}

std::chrono::nanoseconds cpu_time_of_this_thread() noexcept {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void sleep_microseconds(unsigned microseconds) noexcept {
  timespec duration{};
  duration.tv_sec = microseconds / 1000000;
  duration.tv_nsec = static_cast<long>(microseconds % 1000000) * 1000;
  nanosleep(&duration, nullptr);
}

}  // namespace zerofill::os
