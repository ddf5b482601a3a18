#include "blocks/background_thread.h"

#include <algorithm>

#include "base/immortal.h"

namespace zerofill::blocks {

bool BackgroundThread::ensure_running(std::mutex* mutex) noexcept {
  if (forking_) return false;
  if (running_) return true;
  mutex_ = mutex;
  stopping_ = false;
  const auto body = [](void* self) { static_cast<BackgroundThread*>(self)->run(); };
  running_ = os::start_thread("zerofill-bg", body, this, &thread_) == 0;
  return running_;
}

void BackgroundThread::run() noexcept {
  os::lower_priority_of_this_thread();
  Lock lock(*mutex_);
  while (!stopping_) {
    // The chore first: what the step returns must be decided with the mutex held until it sleeps.
    Clock::time_point due = do_chore(lock);
    due = std::min(due, step_(job_, lock));
    if (chore_is_due_) continue;             // it was started anew meanwhile
    if (stopping_ || due == kNow) continue;  // a stop that came during the step woke nobody
    idle_ = due == kWhenWoken;
    if (idle_) {
      woken_.wait(lock);
    } else {
      woken_.wait_until(lock, due);
    }
    idle_ = false;
  }
}

bool BackgroundThread::start_chore(Chore chore, std::mutex* mutex) noexcept {
  if (!ensure_running(mutex)) return false;
  chore_ = chore;
  chore_is_due_ = true;
  wake();
  return true;
}

Clock::time_point BackgroundThread::do_chore(Lock& lock) noexcept {
  if (chore_ == nullptr) return kWhenWoken;
  chore_is_due_ = false;
  lock.unlock();
  const Clock::time_point due = chore_();
  lock.lock();
  return due;
}

void BackgroundThread::stop_before_fork(Lock& lock) noexcept {
  forking_ = true;
  stopping_ = true;
  woken_.notify_all();
  const bool was_running = running_;
  lock.unlock();
  if (was_running) os::join_threads(&thread_, 1);
  lock.lock();
  running_ = false;
}

void BackgroundThread::remake_in_child() noexcept {
  allow_after_fork();
  zerofill::remake_in_child(&woken_);
}

}  // namespace zerofill::blocks
