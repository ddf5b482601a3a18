// Contract: free blocks on their way back to the system, and those who wait until they are there.
//
// The pool's mutex must be held for every call. Blocks come as a chain, linked by `older`.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>

#include "blocks/background_thread.h"
#include "blocks/free_lists.h"

namespace zerofill::blocks {

class Purger {
 public:
  /// Returns a chain of blocks to the system, without the mutex meanwhile, because that takes
  /// milliseconds a gigabyte. Returns how many bytes that was.
  std::size_t purge(FreeBlock* chain, Lock& lock) noexcept;

  /// Says that the background thread will hand a block over.
  void expect_one() noexcept { ++expected_; }

  /// Leaves an expected block to whoever waits, because the background thread has a low priority
  /// and may take long to get to it.
  void hand_over(FreeBlock* block) noexcept;

  /// Waits until the very blocks are back in the system that are expected or being purged now, and
  /// purges what was handed over.
  void wait_until_purged(Lock& lock) noexcept;

  /// Whether a block is on its way.
  bool is_purging() const noexcept { return under_way_ != nullptr || accepted_ < expected_; }

  /// What other threads were purging is not on its way in this process.
  void remake_in_child() noexcept;

 private:
  /// One call of purge() that is under way.
  struct Batch {
    std::uint64_t number;
    Batch* next;
  };

  void accept_handed_over(Lock& lock) noexcept;
  bool is_under_way_before(std::uint64_t number) const noexcept;

  std::condition_variable progress_;  ///< a batch is back in the system, or a block was handed over
  Batch* under_way_ = nullptr;        ///< newest first
  std::uint64_t next_number_ = 0;
  std::uint64_t expected_ = 0;        ///< blocks to be handed over, ever
  std::uint64_t accepted_ = 0;        ///< of these, those that somebody has begun to purge
  FreeBlock* handed_over_ = nullptr;  ///< a chain of the others
};

}  // namespace zerofill::blocks
