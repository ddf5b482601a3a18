#include "blocks/prefault.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <new>

#include "base/align.h"
#include "base/immortal.h"
#include "blocks/fork_epoch.h"

namespace zerofill::blocks {
namespace {

constexpr std::size_t kChunkBytes = kBlockUnit;

/// Whoever uses the block begins at its start, and needs those chunks before a thread is there.
constexpr std::size_t kHeadStart = 4;

/// What is left of a reservation, however much that is.
constexpr std::size_t kEverything = std::numeric_limits<std::size_t>::max();

/// Those that were begun, until they are found to have ended.
struct Prefaults {
  std::mutex mutex;
  std::vector<std::shared_ptr<Prefault>> begun;
};

Immortal<Prefaults> prefaults;

}  // namespace

void Prefault::give(const Block& block, Users users) {
  block_ = block;
  first_touch_ = std::make_unique<FirstTouch>(&block_, users);
  first_chunk_ = users == Users::some ? kHeadStart : 0;
}

bool Prefault::start_thread(const std::shared_ptr<Prefault>& self, os::Thread* thread) noexcept {
  auto* argument = new (std::nothrow) std::shared_ptr<Prefault>(self);
  if (argument == nullptr) return false;
  const auto body = [](void* given) {
    const std::unique_ptr<std::shared_ptr<Prefault>> mine(
        static_cast<std::shared_ptr<Prefault>*>(given));
    os::lower_priority_of_this_thread();
    (*mine)->make_chunks();
    (*mine)->leave();
  };
  if (os::start_thread("zerofill-ahead", body, argument, thread) == 0) return true;
  delete argument;
  return false;
}

/// pre: the mutex of `prefaults` is held.
void Prefault::forget_ended() noexcept {
  auto& begun = prefaults->begun;
  const auto is_over = [](const std::shared_ptr<Prefault>& prefault) {
    if (!prefault->has_ended()) return false;
    prefault->join();
    return true;
  };
  begun.erase(std::remove_if(begun.begin(), begun.end(), is_over), begun.end());
}

void Prefault::start(const std::shared_ptr<Prefault>& self, int threads) {
  const std::lock_guard<std::mutex> lock(prefaults->mutex);
  forget_ended();
  self->fork_epoch_ = fork_epoch();
  self->threads_.reserve(static_cast<std::size_t>(threads));
  prefaults->begun.push_back(self);
  for (int i = 0; i < threads; ++i) {
    os::Thread thread;
    ++self->working_;
    if (!start_thread(self, &thread)) {
      --self->working_;
      break;
    }
    self->threads_.push_back(thread);  // there is room for it
  }
  if (self->threads_.empty()) self->make_chunks();
  self->leave();
}

void Prefault::make_chunks() noexcept {
  const std::size_t chunks = align_up(block_.bytes, kChunkBytes) / kChunkBytes;
  while (!stops_) {
    const std::size_t taken = taken_chunks_.fetch_add(1);
    if (taken >= chunks) return;
    const std::size_t start = (first_chunk_ + taken) % chunks * kChunkBytes;
    const std::size_t bytes = std::min(kChunkBytes, block_.bytes - start);
    if (!first_touch_->make(start, bytes)) {
      stops_ = true;
      return;
    }
    budget_.settle(bytes);
    resident_bytes_ += bytes;
  }
}

/// The last one says what has become of the block.
void Prefault::leave() noexcept {
  if (--working_ != 0) return;
  const bool whole = resident_bytes_ == block_.bytes;
  if (whole) first_touch_->finish();
  budget_.settle(kEverything);
  finished_ = whole;
  end(block_, whole);
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  progress_.notify_all();
}

/// It had ended then. Its mutex may be held for ever, in the child: a fork does not wait for those
/// who wait.
bool Prefault::is_from_before_a_fork() const noexcept { return fork_epoch_ != fork_epoch(); }

void Prefault::join() noexcept {
  std::vector<os::Thread> mine;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    mine.swap(threads_);
  }
  if (!mine.empty()) os::join_threads(mine.data(), static_cast<int>(mine.size()));
}

void Prefault::cancel() noexcept {
  stops_ = true;
  if (is_from_before_a_fork()) return;
  join();
  // Another one may be joining them.
  std::unique_lock<std::mutex> lock(mutex_);
  progress_.wait(lock, [this] { return ended_.load(); });
}

bool Prefault::wait(unsigned milliseconds) noexcept {
  if (is_from_before_a_fork()) return true;
  std::unique_lock<std::mutex> lock(mutex_);
  const auto most = std::chrono::milliseconds(milliseconds);
  if (!progress_.wait_for(lock, most, [this] { return ended_.load(); })) return false;
  lock.unlock();
  join();
  return true;
}

void cancel_prefaults_before_fork() noexcept {
  prefaults->mutex.lock();  // until the fork is over
  for (const auto& prefault : prefaults->begun) prefault->cancel();
  prefaults->begun.clear();
}

void allow_prefaults() noexcept { prefaults->mutex.unlock(); }

void cancel_prefaults() noexcept {
  cancel_prefaults_before_fork();
  allow_prefaults();
}

void allow_prefaults_in_child() noexcept {
  prefaults->mutex.unlock();
  remake_in_child(&prefaults->mutex);
}

}  // namespace zerofill::blocks
