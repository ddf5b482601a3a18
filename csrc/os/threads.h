// Contract: threads that are the library's own.
#pragma once

namespace zerofill::os {

/// A started thread; copyable, to be joined exactly once.
struct Thread {
  void* handle = nullptr;
};

/// Starts a thread that runs body(argument) with every signal blocked, so that signals reach the
/// program's own threads. `name` (at most 15 characters) shows in the system's list of threads.
/// 0 on success; otherwise an errno value and nothing was started.
int start_thread(const char* name, void (*body)(void*), void* argument, Thread* thread) noexcept;

/// Waits until these threads have ended, and are gone from the system's count of threads.
void join_threads(const Thread* threads, int count) noexcept;

/// Lets every other thread go first from now on, where the system can.
void lower_priority_of_this_thread() noexcept;

/// Threads that the system counts in this process; 0 when it does not say.
int count_threads() noexcept;

/// Sleeps for about this many microseconds.
void sleep_microseconds(unsigned microseconds) noexcept;

}  // namespace zerofill::os
