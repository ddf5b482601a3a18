// blocks/background_thread: steps are done when they are due, and none after it was stopped.
#include "blocks/background_thread.h"

#include <atomic>

#include "check.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using blocks::BackgroundThread;
using blocks::Lock;

struct Job {
  std::mutex mutex;
  std::atomic<int> steps{0};
  Clock::time_point next_due = BackgroundThread::kWhenWoken;
  BackgroundThread thread{&Job::step, this};

  static Clock::time_point step(void* opaque, Lock& lock) {
    auto* job = static_cast<Job*>(opaque);
    CHECK(lock.owns_lock());
    lock.unlock();  // as the steps of the pool do, or nobody else would get the mutex
    os::sleep_microseconds(100);
    lock.lock();
    ++job->steps;
    return job->next_due;
  }
  void start() {
    const Lock lock(mutex);
    CHECK(thread.ensure_running(&mutex));
  }
  bool is_idle() {
    const Lock lock(mutex);
    return thread.is_idle();
  }
  void stop() {
    Lock lock(mutex);
    thread.stop_before_fork(lock);
  }
};

/// A hang ends by the test's own time limit.
template <typename Condition>
void wait_until(Condition condition) {
  while (!condition()) os::sleep_microseconds(500);
}

void it_sleeps_until_it_is_woken() {
  Job job;
  job.start();
  wait_until([&] { return job.is_idle(); });
  CHECK(job.steps == 1);
  {
    const Lock lock(job.mutex);
    job.thread.wake();
  }
  wait_until([&] { return job.steps == 2; });
  job.stop();
  CHECK(job.steps == 2);
}

void a_step_that_is_due_at_once_follows() {
  Job job;
  job.next_due = BackgroundThread::kNow;
  job.start();
  wait_until([&] { return job.steps >= 100; });
  CHECK(!job.is_idle());
  job.stop();
}

void a_time_comes_without_a_wake() {
  Job job;
  job.next_due = Clock::now();  // has passed when it is looked at
  job.start();
  wait_until([&] { return job.steps >= 3; });
  job.stop();
}

void it_does_nothing_after_it_was_stopped() {
  Job job;
  job.next_due = BackgroundThread::kNow;
  job.start();
  job.stop();
  const int steps = job.steps;
  os::sleep_microseconds(2000);
  CHECK(job.steps == steps);
  CHECK(job.thread.should_stop());
}

void it_starts_again_only_when_it_is_allowed() {
  Job job;
  job.start();
  job.stop();
  {
    const Lock lock(job.mutex);
    CHECK(!job.thread.ensure_running(&job.mutex));
    job.thread.allow_after_fork();
    CHECK(job.thread.ensure_running(&job.mutex));
    CHECK(job.thread.ensure_running(&job.mutex));
  }
  job.stop();
}

}  // namespace

int main() {
  it_sleeps_until_it_is_woken();
  a_step_that_is_due_at_once_follows();
  a_time_comes_without_a_wake();
  it_does_nothing_after_it_was_stopped();
  it_starts_again_only_when_it_is_allowed();
}
