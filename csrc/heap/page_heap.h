// Contract: runs of pages, out of segments. tcmalloc's word is PageHeap.
//
// How it works
// ------------
// A run is taken where it fits first, at the lowest address, so that few pages are resident. What
// is put back stays resident: the last few runs as they are, because the next request is likely to
// be for as much and they are warm (glibc's unsorted bin), the others joined with their neighbours.
// Pages that stay free for the time `decay` are returned to the system, and so are all when they
// exceed the limit or memory runs low. As in the pool, free pages beyond a part that is held are
// the system's to take meanwhile (MADV_FREE).
//
// The mutex must be held for every call. A call that is given the lock lets go of it around system
// calls; pages are marked as used meanwhile, so nobody else can take them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "heap/segment.h"
#include "heap/segment_index.h"

namespace zerofill::heap {

using Lock = std::unique_lock<std::mutex>;

struct NodeHeap;

/// Pages in a row.
struct Run {
  Segment* segment = nullptr;  ///< null: there is no run
  std::size_t first = 0;
  std::size_t pages = 0;
  bool is_fresh = false;  ///< not handed out since the system gave them: zero, and not resident

  std::byte* start() const noexcept { return segment->page(first); }
  std::byte* end() const noexcept { return segment->page(first + pages); }
};

class PageHeap {
 public:
  explicit PageHeap(NodeHeap* heap) noexcept : heap_(heap) {}

  /// The age, in calls of grow_older(), at which pages are returned: one more than `decay` has, so
  /// that none is returned too early.
  static constexpr int kTicksOfDecay = 8;
  static constexpr int kOld = kTicksOfDecay + 1;

  /// A run of at least so many pages, and at most an eighth more; none when there is no memory.
  Run take(std::size_t pages, Lock& lock) noexcept;

  void put(const Run& run, Lock& lock) noexcept;

  /// Makes a run longer by the pages behind it. False when they are not free.
  bool extend(Run* run, std::size_t pages) noexcept;

  /// Returns free pages that are so old, or older, to the system; returns how many bytes that was.
  /// Waits for another call that is under way.
  std::size_t purge(int age, Lock& lock) noexcept;

  void grow_older() noexcept;

  /// Purges all free pages if they exceed the limit.
  void apply_limit(Lock& lock) noexcept;

  /// Of free pages that may be resident.
  std::size_t idle_bytes() const noexcept { return idle_pages_ * kPageBytes; }

  /// Of pages in use.
  std::size_t used_bytes() const noexcept { return used_pages_ * kPageBytes; }

  /// Waits until no call is in the middle of a system call: call it before a fork.
  void wait_until_settled(Lock& lock) noexcept;

  /// What other threads were waiting for is not in this process.
  void remake_in_child() noexcept;

 private:
  Run find(std::size_t pages) noexcept;  // first fit
  void use(Segment* segment, std::size_t first, std::size_t pages, std::size_t idle) noexcept;
  Run take_recent(std::size_t pages) noexcept;
  bool add_segment(std::size_t least_pages, Lock& lock) noexcept;
  void settle(const Run& run) noexcept;
  void settle_recent() noexcept;
  void free_lazily(const Run& settled, Lock& lock) noexcept;
  std::size_t discard(const Run& old, Lock& lock) noexcept;
  std::size_t purge_segment(Segment* segment, int age, Lock& lock) noexcept;
  void unmap(Segment* segment, Lock& lock) noexcept;
  void begin_system_call(Lock& lock) noexcept;
  void end_system_call(Lock& lock) noexcept;

  static constexpr int kRecentRuns = 16;

  NodeHeap* heap_;  ///< whose segments these are
  SegmentIndex segments_;
  Run recent_[kRecentRuns];  ///< put back last; the newest is at the end
  int recent_count_ = 0;
  std::size_t idle_pages_ = 0;
  std::size_t idle_limit_ = 0;  ///< in bytes, as it was when it was met last
  std::size_t used_pages_ = 0;
  int system_calls_ = 0;  ///< under way
  bool purging_ = false;
  std::condition_variable settled_;
};

}  // namespace zerofill::heap
