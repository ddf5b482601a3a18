// Contract: a thread of low priority that does the steps of a job when they are due, and sleeps
// otherwise. It knows nothing of the job. It can have chores beside it, for others.
//
// The job's owner has a mutex. It must be held for every call but should_stop().
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "os/threads.h"

namespace zerofill::blocks {

using Lock = std::unique_lock<std::mutex>;

class BackgroundThread {
 public:
  /// The step is due when somebody wakes the thread, and not before.
  static constexpr Clock::time_point kWhenWoken = Clock::time_point::max();
  /// The step is due at once.
  static constexpr Clock::time_point kNow = Clock::time_point::min();

  /// Does one step of the job and returns when the next is due. Called with the mutex held, which
  /// it may let go of meanwhile; what it returns is decided with the mutex held.
  using Step = Clock::time_point (*)(void* job, Lock& lock);

  /// Does what is due of something else, and returns when that is again. Called without the mutex.
  using Chore = Clock::time_point (*)();

  BackgroundThread(Step step, void* job) noexcept : step_(step), job_(job) {}

  /// Starts the thread if it does not run. False when it cannot be started, or may not because a
  /// fork has begun, after which it would not be in the child.
  bool ensure_running(std::mutex* mutex) noexcept;

  /// Has a chore done at once and then whenever it is due. There are kChores of them, always the
  /// same. False when the thread cannot be started, and then nothing is done.
  bool start_chore(Chore chore, std::mutex* mutex) noexcept;

  bool is_running() const noexcept { return running_; }

  /// Whether a fork is under way, over which nothing may be left to the thread.
  bool is_forbidden() const noexcept { return forking_; }

  /// Has the next step done now.
  void wake() noexcept { woken_.notify_one(); }

  /// Whether it does nothing until it is woken. Waking it costs as much as zeroing a megabyte.
  bool is_idle() const noexcept { return idle_; }

  /// Whether the step that runs now should come to an end. Any thread, without the mutex.
  bool should_stop() const noexcept { return stopping_; }

  /// Ends the thread and waits for that, without the mutex meanwhile. None can be started until one
  /// of the next two.
  void stop_before_fork(Lock& lock) noexcept;
  void allow_after_fork() noexcept { forking_ = false; }
  void remake_in_child() noexcept;

 private:
  void run() noexcept;
  void do_chores(Lock& lock) noexcept;

  Step step_;
  void* job_;
  struct DueChore {
    Chore chore = nullptr;
    Clock::time_point due = kWhenWoken;
  };
  static constexpr int kChores = 3;

  DueChore chores_[kChores];
  std::mutex* mutex_ = nullptr;
  std::condition_variable woken_;
  os::Thread thread_;
  bool running_ = false;
  bool idle_ = false;
  bool forking_ = false;
  std::atomic<bool> stopping_{false};
};

}  // namespace zerofill::blocks
