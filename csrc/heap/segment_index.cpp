#include "heap/segment_index.h"

#include <algorithm>
#include <new>

namespace zerofill::heap {

bool SegmentIndex::add(Segment* segment) noexcept try {
  if (count_ == places()) grow();
  const auto empty = std::find(segments_.begin(), segments_.end(), nullptr);
  segment->place = static_cast<std::size_t>(empty - segments_.begin());
  *empty = segment;
  ++count_;
  set_longest_free(segment, segment->pages);
  return true;
} catch (const std::bad_alloc&) {
  return false;
}

void SegmentIndex::grow() {
  constexpr std::size_t kFirstPlaces = 16;
  const std::size_t more = places() == 0 ? kFirstPlaces : 2 * places();
  std::vector<std::uint32_t> longest(2 * more);
  segments_.resize(more);
  for (std::size_t place = 0; place < longest_.size() / 2; ++place) {
    longest[more + place] = longest_[longest_.size() / 2 + place];
  }
  for (std::size_t node = more; node-- > 1;) {
    longest[node] = std::max(longest[2 * node], longest[2 * node + 1]);
  }
  longest_.swap(longest);
}

void SegmentIndex::remove(const Segment* segment) noexcept {
  segments_[segment->place] = nullptr;
  --count_;
  set(segment->place, 0);
}

void SegmentIndex::set_longest_free(const Segment* segment, std::size_t pages) noexcept {
  set(segment->place, static_cast<std::uint32_t>(pages));
}

void SegmentIndex::set(std::size_t place, std::uint32_t longest) noexcept {
  std::size_t node = places() + place;
  longest_[node] = longest;
  for (node /= 2; node != 0; node /= 2) {
    const std::uint32_t larger = std::max(longest_[2 * node], longest_[2 * node + 1]);
    if (longest_[node] == larger) break;
    longest_[node] = larger;
  }
}

Segment* SegmentIndex::find(std::size_t pages) const noexcept {
  if (count_ == 0 || longest_[1] < pages) return nullptr;
  std::size_t node = 1;
  while (node < places()) node = longest_[2 * node] >= pages ? 2 * node : 2 * node + 1;
  return segments_[node - places()];
}

}  // namespace zerofill::heap
