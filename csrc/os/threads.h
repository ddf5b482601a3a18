// Contract: the library's own threads.
#pragma once

#include <chrono>

namespace zerofill::os {

/// A started thread; copyable, to be joined exactly once.
struct Thread {
  void* handle = nullptr;
};

/// Starts a thread that runs body(argument). Signals from outside are blocked in it, so that they
/// reach the program's own threads; those that it causes itself (SIGSEGV) are not. It has the
/// scheduling of a plain thread of the process, whoever starts it. The system's list of threads
/// shows `name`, of at most 15 characters. 0 on success; otherwise an errno value and nothing was
/// started.
int start_thread(const char* name, void (*body)(void*), void* argument, Thread* thread) noexcept;

/// Waits until these threads have ended and the system does not count them any more.
void join_threads(const Thread* threads, int count) noexcept;

/// Gives the calling thread, which is one of ours, the CPUs that the process has now: those of its
/// main thread, which are what taskset(1) and the like change.
void follow_cpus_of_the_process() noexcept;

/// Gives the calling thread the lowest priority, where the system can.
void lower_priority_of_this_thread() noexcept;

/// The number of threads that the system counts in this process; 0 when it does not say.
int count_threads() noexcept;

/// For how long the calling thread has run on a CPU, the system's work for it included.
std::chrono::nanoseconds cpu_time_of_this_thread() noexcept;

/// Sleeps for about this many microseconds.
void sleep_microseconds(unsigned microseconds) noexcept;

}  // namespace zerofill::os
