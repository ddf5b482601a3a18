// Contract: the pages of a fresh block, made resident by threads of low priority while everybody
// else goes on (prefaulting).
//
// Every function may be called from any thread. A fork cancels what is under way.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "blocks/block.h"
#include "blocks/budget.h"
#include "blocks/first_touch.h"
#include "os/threads.h"

namespace zerofill::blocks {

class Prefault {
 public:
  /// Reserves the budget for a block, which is mapped afterwards. Throws OutOfMemory when it does
  /// not fit.
  Prefault(std::size_t bytes, const os::Placement& placement) : budget_(bytes, placement) {}
  virtual ~Prefault() = default;
  Prefault(const Prefault&) = delete;
  Prefault& operator=(const Prefault&) = delete;

  /// Says which block it is: a fresh one, which stays its owner's, who cancels before it goes.
  void give(const Block& block, Users users);

  /// Starts so many threads, or fewer. Where none can be started, all is made before it returns.
  /// pre: it was given a block.
  static void start(const std::shared_ptr<Prefault>& self, int threads);

  /// Ends the threads and waits until they are gone.
  void cancel() noexcept;

  /// Waits until it has ended, or that many milliseconds; whether it has.
  bool wait(unsigned milliseconds) noexcept;

  std::size_t bytes() const noexcept { return block_.bytes; }
  std::size_t resident_bytes() const noexcept { return resident_bytes_; }
  bool has_ended() const noexcept { return ended_; }
  /// Whether all of the block was made.
  bool is_finished() const noexcept { return finished_; }

 private:
  /// Called once, by the last thread, when nobody works on the block any more.
  /// \param made the block as it is now; all of it is resident if `whole`.
  virtual void end(const Block& made, bool whole) noexcept = 0;

  static void forget_ended() noexcept;
  static bool start_thread(const std::shared_ptr<Prefault>& self, os::Thread* thread) noexcept;
  void make_chunks() noexcept;
  void leave() noexcept;
  void join() noexcept;
  bool is_from_before_a_fork() const noexcept;

  Block block_;  ///< what is known of it; its owner has its pages
  Reservation budget_;
  std::unique_ptr<FirstTouch> first_touch_;
  std::size_t first_chunk_ = 0;
  unsigned fork_epoch_ = 0;  ///< in which it began
  std::atomic<std::size_t> taken_chunks_{0};
  std::atomic<std::size_t> resident_bytes_{0};
  std::atomic<bool> stops_{false};
  std::atomic<bool> finished_{false};
  std::atomic<bool> ended_{false};
  std::atomic<int> working_{1};  ///< threads, and the one that starts them
  std::mutex mutex_;             ///< guards the threads, and ended_ for those who wait
  std::condition_variable progress_;
  std::vector<os::Thread> threads_;
};

/// Cancels those under way. Others may begin meanwhile.
void cancel_prefaults() noexcept;

// For alloc/fork.cpp: those under way are cancelled before a fork.
void cancel_prefaults_before_fork() noexcept;  // and no other begins until afterwards
void allow_prefaults() noexcept;
void allow_prefaults_in_child() noexcept;

}  // namespace zerofill::blocks
