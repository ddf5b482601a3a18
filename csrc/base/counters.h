// Contract: what the allocator counts. The counters make the fast paths testable: a block that was
// reused as it is adds nothing to the bytes that were zeroed.
#pragma once

#include <atomic>
#include <cstdint>

namespace zerofill {

/// A counter that many threads add to. Relaxed, because no other memory depends on the figures.
class Counter {
 public:
  void add(std::uint64_t amount) noexcept { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Since the process started; bytes unless the comment says otherwise.
struct Counters {
  Counter clean_hits;      ///< blocks reused that were known to be zero (a count)
  Counter dirty_hits;      ///< blocks reused that may have held anything (a count)
  Counter misses;          ///< blocks that had to come from the system (a count)
  Counter zeroed;          ///< written with zeros while a caller waited
  Counter skipped;         ///< not written, because they were known to be zero
  Counter scrubbed;        ///< written with zeros in the background
  Counter populated;       ///< fresh pages made resident
  Counter populated_huge;  ///< of these, on huge pages that the system granted
  Counter returned;        ///< returned to the system: unmapped or discarded
  Counter moved;           ///< not copied when a block was resized, since its pages stayed or moved
};

Counters& counters() noexcept;

}  // namespace zerofill
