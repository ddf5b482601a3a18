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
    // The chores first: what the step returns must be decided with the mutex held until it sleeps.
    do_chores(lock);
    Clock::time_point due = step_(job_, lock);
    for (const DueChore& one : chores_) due = std::min(due, one.due);
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
  DueChore* mine = chores_;
  while (mine->chore != nullptr && mine->chore != chore) ++mine;
  *mine = {chore, kNow};
  wake();
  return true;
}

void BackgroundThread::do_chores(Lock& lock) noexcept {
  for (DueChore& one : chores_) {
    if (Clock::now() < one.due) continue;
    one.due = kWhenWoken;
    const Chore chore = one.chore;
    lock.unlock();
    const Clock::time_point due = chore();
    lock.lock();
    one.due = std::min(one.due, due);  // it may have been started anew meanwhile
  }
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
