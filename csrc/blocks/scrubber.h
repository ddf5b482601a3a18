// Contract: zeroing free blocks in the background, so that the next owner need not. Scrubbing is
// Xen's word for zeroing freed memory.
//
// The pool's mutex must be held for every call but scrub().
#pragma once

#include <atomic>
#include <cstddef>

#include "blocks/background_thread.h"
#include "blocks/free_lists.h"

namespace zerofill::blocks {

class Scrubber {
 public:
  /// Remembers that a block of that size was taken for zeros.
  void record_hit(std::size_t bytes) noexcept;

  /// Whether a block should be scrubbed. That takes a core and memory bandwidth, so by default only
  /// large blocks are whose size was hit lately, and only where there is a spare core.
  bool is_worthwhile(const Block& block) const noexcept;

  /// Scrubs a block, without the mutex meanwhile, and stops early when `thread` should stop, when
  /// the block is dropped, or when the system has taken pages of it. If it was finished, the
  /// block's content is zero then; if not, it is not worth scrubbing any more.
  void scrub(FreeBlock* block, const BackgroundThread& thread, Lock& lock) noexcept;

  /// Bytes that are being scrubbed and belong to the pool, since they were not dropped.
  std::size_t bytes() const noexcept;

  /// Has the block that is being scrubbed purged instead; returns its bytes. 0 when there is none.
  std::size_t drop() noexcept;

  /// Whether the last block that was scrubbed was dropped meanwhile.
  bool was_dropped() const noexcept { return dropped_; }

 private:
  bool zero(const Block& block, const BackgroundThread& thread) noexcept;

  FreeBlock* current_ = nullptr;
  std::atomic<bool> dropped_{false};
  Clock::time_point last_hit_[kSizeClasses] = {};
};

}  // namespace zerofill::blocks
