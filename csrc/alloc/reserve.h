// Contract: memory made resident ahead of time, in the background, for arrays that are made later.
//
// Every function may be called from any thread, without the GIL.
#pragma once

#include <cstddef>
#include <memory>

namespace zerofill::alloc {

/// A block on its way into the pool. Threads of low priority make its pages; when all are there,
/// the pool cuts it up for whoever needs memory.
class Reserve {
 public:
  virtual ~Reserve() = default;

  /// Ends the threads, and returns the block to the system unless it is finished.
  virtual void cancel() noexcept = 0;

  /// Waits until it is finished or was cancelled, or that many milliseconds; whether it is.
  virtual bool wait(unsigned milliseconds) noexcept = 0;

  virtual std::size_t bytes() const noexcept = 0;
  virtual std::size_t resident_bytes() const noexcept = 0;
  virtual bool is_cancelled() const noexcept = 0;
};

/// Begins to make so much memory, and somewhat more for the alignment of arrays. Where no thread
/// can be started, it is finished on return. Throws OutOfMemory when it does not fit in what the
/// process may still use.
std::shared_ptr<Reserve> start_reserve(std::size_t bytes);

// For alloc/fork.cpp: those that are not finished are cancelled before a fork.
void cancel_reserves_before_fork() noexcept;  // and no other begins until afterwards
void allow_reserves() noexcept;
void allow_reserves_in_child() noexcept;

}  // namespace zerofill::alloc
