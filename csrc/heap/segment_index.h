// Contract: the segments, and which is the first with a free run of a length. A tree of maxima over
// what each has, so that a program with thousands of segments finds one in some ten steps.
//
// The mutex of the page heap must be held for every call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "heap/segment.h"

namespace zerofill::heap {

class SegmentIndex {
 public:
  /// Adds a segment, in the first place that is empty. False when there is no memory for that.
  bool add(Segment* segment) noexcept;

  void remove(const Segment* segment) noexcept;

  /// Says that no free run of a segment is longer.
  void set_longest_free(const Segment* segment, std::size_t pages) noexcept;

  /// The first segment that may have a free run of so many pages; null when there is none.
  Segment* find(std::size_t pages) const noexcept;

  /// Places are counted from 0; null where one is empty.
  std::size_t places() const noexcept { return segments_.size(); }
  Segment* at(std::size_t place) const noexcept { return segments_[place]; }
  bool empty() const noexcept { return count_ == 0; }

 private:
  void set(std::size_t place, std::uint32_t longest) noexcept;
  void grow();

  std::vector<Segment*> segments_;      ///< a power of two of places, or none
  std::vector<std::uint32_t> longest_;  ///< node i has the larger of nodes 2 i and 2 i + 1
  std::size_t count_ = 0;
};

}  // namespace zerofill::heap
