#include "alloc/reserve.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "alloc/room.h"
#include "base/align.h"
#include "base/checked.h"
#include "base/errors.h"
#include "base/immortal.h"
#include "blocks/budget.h"
#include "blocks/first_touch.h"
#include "blocks/mapping.h"
#include "blocks/pool.h"
#include "os/threads.h"
#include "team/team.h"

namespace zerofill::alloc {
namespace {

constexpr std::size_t kChunkBytes = blocks::kBlockUnit;

/// Whole units, and one more, because an array's payload starts at a colour.
std::size_t bytes_for(std::size_t bytes) {
  std::size_t padded;
  if (!checked_add(bytes, 2 * kChunkBytes - 1, &padded)) throw OutOfMemory(ENOMEM);
  return align_down(padded, kChunkBytes);
}

class Filling final : public Reserve {
 public:
  Filling(std::size_t bytes, int threads)
      : bytes_(bytes),
        budget_(bytes),
        block_(blocks::map_block(bytes, 1, 0, blocks::PageSize::huge)),
        first_touch_(&*block_) {
    threads_.reserve(static_cast<std::size_t>(threads));
  }

  /// pre: called once, and nobody else has it yet.
  void start(const std::shared_ptr<Filling>& self, int threads) noexcept;

  void cancel() noexcept override;
  bool wait(unsigned milliseconds) noexcept override;
  std::size_t bytes() const noexcept override { return bytes_; }
  std::size_t resident_bytes() const noexcept override { return resident_bytes_; }
  bool is_cancelled() const noexcept override { return ended_ && !finished_; }
  bool has_ended() const noexcept { return ended_; }

  /// Waits until the threads are gone. pre: they are ending.
  void join() noexcept;

 private:
  static bool start_thread(const std::shared_ptr<Filling>& self, os::Thread* thread) noexcept;
  void make_chunks() noexcept;
  void finish() noexcept;

  const std::size_t bytes_;
  blocks::Reservation budget_;
  blocks::OwnedBlock block_;
  blocks::FirstTouch first_touch_;
  std::atomic<std::size_t> next_chunk_{0};
  std::atomic<std::size_t> resident_bytes_{0};
  std::atomic<bool> stops_{false};
  std::atomic<bool> finished_{false};  ///< the pool has the block
  std::atomic<bool> ended_{false};
  std::atomic<int> working_{1};  ///< threads, and the one that starts them
  std::mutex mutex_;             ///< guards the threads, and ended_ for those who wait
  std::condition_variable progress_;
  std::vector<os::Thread> threads_;
};

bool Filling::start_thread(const std::shared_ptr<Filling>& self, os::Thread* thread) noexcept {
  auto* argument = new (std::nothrow) std::shared_ptr<Filling>(self);
  if (argument == nullptr) return false;
  const auto body = [](void* given) {
    const std::unique_ptr<std::shared_ptr<Filling>> mine(
        static_cast<std::shared_ptr<Filling>*>(given));
    os::lower_priority_of_this_thread();
    (*mine)->make_chunks();
    (*mine)->finish();
  };
  if (os::start_thread("zerofill-ahead", body, argument, thread) == 0) return true;
  delete argument;
  return false;
}

void Filling::start(const std::shared_ptr<Filling>& self, int threads) noexcept {
  for (int i = 0; i < threads; ++i) {
    os::Thread thread;
    ++working_;
    if (!start_thread(self, &thread)) {
      --working_;
      break;
    }
    threads_.push_back(thread);  // there is room for it
  }
  if (threads_.empty()) make_chunks();
  finish();
}

void Filling::make_chunks() noexcept {
  while (!stops_) {
    const std::size_t start = next_chunk_.fetch_add(kChunkBytes);
    if (start >= bytes_) return;
    first_touch_.make(start, kChunkBytes);
    budget_.settle(kChunkBytes);
    resident_bytes_ += kChunkBytes;
  }
}

/// The last one puts the block into the pool, or returns it to the system.
void Filling::finish() noexcept {
  if (--working_ != 0) return;
  if (resident_bytes_ == bytes_) {
    first_touch_.finish();
    finished_ = true;
    blocks::put_reserved(std::move(block_));
  } else {
    budget_.settle(bytes_ - resident_bytes_);
    block_ = blocks::OwnedBlock();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  progress_.notify_all();
}

void Filling::join() noexcept {
  std::vector<os::Thread> mine;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    mine.swap(threads_);
  }
  if (!mine.empty()) os::join_threads(mine.data(), static_cast<int>(mine.size()));
}

void Filling::cancel() noexcept {
  stops_ = true;
  join();
}

bool Filling::wait(unsigned milliseconds) noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto most = std::chrono::milliseconds(milliseconds);
  if (!progress_.wait_for(lock, most, [this] { return ended_.load(); })) return false;
  lock.unlock();
  join();
  return true;
}

/// Those that were begun, until they are found to have ended.
struct Reserves {
  std::mutex mutex;
  std::vector<std::shared_ptr<Filling>> begun;
};

Immortal<Reserves> reserves;

/// pre: the mutex is held.
void forget_ended() noexcept {
  auto& begun = reserves->begun;
  const auto is_over = [](const std::shared_ptr<Filling>& filling) {
    if (!filling->has_ended()) return false;
    filling->join();
    return true;
  };
  begun.erase(std::remove_if(begun.begin(), begun.end(), is_over), begun.end());
}

}  // namespace

std::shared_ptr<Reserve> start_reserve(std::size_t bytes) {
  const std::size_t mapped = bytes_for(bytes);
  const int threads = team::max_threads();
  auto made = with_room([&] { return std::make_shared<Filling>(mapped, threads); });
  const std::lock_guard<std::mutex> lock(reserves->mutex);
  forget_ended();
  reserves->begun.push_back(made);
  made->start(made, threads);
  return made;
}

void cancel_reserves_before_fork() noexcept {
  reserves->mutex.lock();  // until the fork is over
  for (const auto& filling : reserves->begun) filling->cancel();
  reserves->begun.clear();
}

void allow_reserves() noexcept { reserves->mutex.unlock(); }

void allow_reserves_in_child() noexcept {
  reserves->mutex.unlock();
  remake_in_child(&reserves->mutex);
}

}  // namespace zerofill::alloc
