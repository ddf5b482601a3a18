// Contract: free blocks on their way back to the system, and those who wait until they are there.
//
// The pool's mutex must be held for every call. Blocks come as a chain, linked by `older`.
#pragma once

#include <condition_variable>
#include <cstddef>

#include "blocks/background_thread.h"
#include "blocks/free_lists.h"

namespace zerofill::blocks {

class Purger {
 public:
  /// Says that so many bytes are on their way from now on: whoever trims waits for them.
  void expect(std::size_t bytes) noexcept { leaving_bytes_ += bytes; }

  /// Returns a chain of expected blocks to the system, without the mutex meanwhile, because that
  /// takes milliseconds a gigabyte. Returns how many bytes that was.
  std::size_t purge(FreeBlock* chain, Lock& lock) noexcept;

  /// Leaves an expected block to whoever waits, because the background thread has a low priority
  /// and may take long to get to it.
  void hand_over(FreeBlock* block) noexcept;

  /// Waits until all that is expected now is back in the system, and purges what was handed over.
  void wait_until_purged(Lock& lock) noexcept;

  /// What other threads were purging is not on its way in this process.
  void remake_in_child() noexcept;

 private:
  std::condition_variable progress_;  ///< something is back in the system, or was handed over
  std::size_t leaving_bytes_ = 0;     ///< expected, ever
  std::size_t returned_bytes_ = 0;    ///< of these, back in the system
  FreeBlock* handed_over_ = nullptr;  ///< a chain
};

}  // namespace zerofill::blocks
