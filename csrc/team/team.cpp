#include "team/team.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>

#include "base/clock.h"
#include "base/immortal.h"
#include "base/options.h"
#include "os/cpus.h"
#include "os/threads.h"

namespace zerofill::team {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(20);
constexpr int kMaxWorkers = kMaxThreads - 1;

const int kUsableCpus = os::usable_cpus();  // at load time: base/immortal.h

/// A loop in progress. It lives on its caller's stack, so the caller neither returns nor asks its
/// poll while a worker is in it.
struct Job {
  const Loop& loop;
  const int helpers;  ///< workers that it wants
  std::atomic<std::size_t> next_chunk{0};
  std::atomic<bool> withdrawn{false};  ///< workers are to leave it now
  bool offered = false;                ///< its caller alone looks at this
  int seats = 0;                       ///< workers that may still join; guarded by Team::mutex_
  int inside = 0;                      ///< workers in it now; guarded by Team::mutex_

  explicit Job(const Loop& given) noexcept
      : loop(given),
        helpers(static_cast<int>(std::min(given.chunks, static_cast<std::size_t>(given.threads))) -
                1) {}

  bool run_one() noexcept {
    if (withdrawn.load(std::memory_order_relaxed)) return false;
    const std::size_t chunk = next_chunk.fetch_add(1, std::memory_order_relaxed);
    if (chunk >= loop.chunks) return false;
    loop.body(loop.context, chunk);
    return true;
  }
};

/// When the caller's poll is due.
class PollTimer {
 public:
  explicit PollTimer(const Poll& poll) noexcept : is_used_(poll.should_stop != nullptr) {
    if (is_used_) restart();
  }

  bool is_due() const noexcept { return is_used_ && Clock::now() - started_ >= kPollInterval; }
  void restart() noexcept { started_ = Clock::now(); }

 private:
  const bool is_used_;
  Clock::time_point started_;
};

class Team {
 public:
  bool run(const Loop& loop, const Poll& poll) noexcept;
  int workers() noexcept;

  void end_workers_before_fork() noexcept;
  void allow_workers() noexcept;
  void before_fork() noexcept;
  void after_fork_in_parent() noexcept;
  void after_fork_in_child() noexcept;

 private:
  void offer(Job* job) noexcept;
  void withdraw(Job* job) noexcept;
  bool ask(Job* job, const Poll& poll) noexcept;
  void start_workers(int wanted) noexcept;
  void work() noexcept;
  static void work_for(void* team) { static_cast<Team*>(team)->work(); }

  std::mutex mutex_;
  std::condition_variable work_offered_;
  std::condition_variable worker_left_;
  Job* job_ = nullptr;     ///< guarded by mutex_, as is all below
  bool retiring_ = false;  ///< workers are to end
  os::Thread threads_[kMaxWorkers];
  int thread_count_ = 0;
};

/// Without workers, or while another caller's loop has them, the caller works alone until its next
/// poll.
void Team::offer(Job* job) noexcept {
  if (job->helpers < 1) return;
  std::lock_guard<std::mutex> lock(mutex_);
  if (job_ != nullptr || retiring_) return;
  start_workers(job->helpers);
  if (thread_count_ == 0) return;
  job->seats = job->helpers;
  job->offered = true;
  job_ = job;
  work_offered_.notify_all();
}

void Team::start_workers(int wanted) noexcept {
  wanted = std::min(wanted, kMaxWorkers);
  while (thread_count_ < wanted) {
    char name[24];
    std::snprintf(name, sizeof name, "zerofill-%d", thread_count_);
    // Without more workers the loop only takes longer.
    if (os::start_thread(name, &Team::work_for, this, &threads_[thread_count_]) != 0) return;
    ++thread_count_;
  }
}

void Team::work() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!retiring_) {
    Job* job = job_;
    if (job == nullptr || job->seats == 0) {
      work_offered_.wait(lock);
      continue;
    }
    --job->seats;
    ++job->inside;
    lock.unlock();
    os::follow_cpus_of_the_process();  // they may have changed since the last loop
    lock.lock();
    bool more = true;
    while (more && !retiring_) {
      lock.unlock();
      // Several chunks for one look at the mutex, yet a fork never waits for long.
      for (int i = 0; more && i < 8; ++i) more = job->run_one();
      lock.lock();
    }
    --job->inside;
    worker_left_.notify_all();
  }
}

void Team::withdraw(Job* job) noexcept {
  if (!job->offered) return;
  job->withdrawn.store(true, std::memory_order_relaxed);
  std::unique_lock<std::mutex> lock(mutex_);
  job_ = nullptr;
  while (job->inside != 0) worker_left_.wait(lock);
  job->offered = false;
  job->withdrawn.store(false, std::memory_order_relaxed);  // its caller goes on in any case
}

bool Team::ask(Job* job, const Poll& poll) noexcept {
  if (poll.prepare != nullptr) poll.prepare(poll.context);
  withdraw(job);
  const bool stop = poll.should_stop(poll.context);
  if (!stop) offer(job);
  return stop;
}

bool Team::run(const Loop& loop, const Poll& poll) noexcept {
  Job job(loop);
  offer(&job);
  PollTimer timer(poll);
  bool stop = false;
  while (!stop && job.run_one()) {
    if (!timer.is_due()) continue;
    stop = ask(&job, poll);
    timer.restart();
  }
  withdraw(&job);
  return !stop;
}

int Team::workers() noexcept {
  std::lock_guard<std::mutex> lock(mutex_);
  return thread_count_;
}

// The child of a fork has only the thread that forked. The workers end before every fork, because
// otherwise either side would wait for workers that are not there, and because Python 3.12 and
// newer warn where the system counts other threads after a fork.
void Team::end_workers_before_fork() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  retiring_ = true;
  work_offered_.notify_all();
  const int ending = thread_count_;
  lock.unlock();
  os::join_threads(threads_, ending);
  lock.lock();
  thread_count_ = 0;
}

void Team::allow_workers() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  retiring_ = false;
}

void Team::before_fork() noexcept {
  end_workers_before_fork();
  mutex_.lock();  // until the fork is over
}

void Team::after_fork_in_parent() noexcept {
  retiring_ = false;
  mutex_.unlock();
}

void Team::after_fork_in_child() noexcept {
  after_fork_in_parent();
  remake_in_child(&mutex_);
  remake_in_child(&work_offered_);
  remake_in_child(&worker_left_);
  job_ = nullptr;  // its caller is not in this process
}

Immortal<Team> the_team;

}  // namespace

bool run(const Loop& loop, const Poll& poll) noexcept { return the_team->run(loop, poll); }

int workers() noexcept { return the_team->workers(); }

int usable_cpus() noexcept { return kUsableCpus; }

int max_threads() noexcept {
  const int chosen = options().num_threads.load(std::memory_order_relaxed);
  return chosen != kAutomaticThreads ? chosen : std::min(kUsableCpus, kMaxThreads);
}

void end_workers_before_fork() noexcept { the_team->end_workers_before_fork(); }

void allow_workers() noexcept { the_team->allow_workers(); }

void before_fork() noexcept { the_team->before_fork(); }

void after_fork_in_parent() noexcept { the_team->after_fork_in_parent(); }

void after_fork_in_child() noexcept { the_team->after_fork_in_child(); }

}  // namespace zerofill::team
