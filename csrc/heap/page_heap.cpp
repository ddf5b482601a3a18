// The design is told in page_heap.h.
#include "heap/page_heap.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/align.h"
#include "base/counters.h"
#include "base/immortal.h"
#include "base/poison.h"
#include "heap/limits.h"
#include "os/pages.h"

namespace zerofill::heap {
namespace {

/// The heap's first pages are small ones: a huge page would charge a small program 2 MiB for its
/// first byte.
constexpr std::size_t kSmallPages = 4 * MiB / kPageBytes;

/// Free pages of a segment that may be resident, 64 from `index` on.
std::uint64_t idle_word(const Segment& segment, std::size_t index) noexcept {
  return ~segment.used.word(index) & segment.touched.word(index);
}

template <typename Function>
void for_each_idle_page(const Segment& segment, Function function) noexcept {
  for (std::size_t index = 0; index < segment.pages; index += 64) {
    for (std::uint64_t idle = idle_word(segment, index); idle != 0; idle &= idle - 1) {
      function(index + static_cast<std::size_t>(trailing_zeros(idle)));
    }
  }
}

bool is_old(const Segment& segment, std::size_t page, int age) noexcept {
  return !segment.used.test(page) && segment.touched.test(page) && segment.ages[page] >= age;
}

/// The first pages of a segment, from `from` on, that are so old.
Run find_old(Segment* segment, std::size_t from, int age) noexcept {
  for (std::size_t index = align_down(from, 64); index < segment->pages; index += 64) {
    if (idle_word(*segment, index) == 0) continue;
    for (std::size_t page = std::max(index, from); page < index + 64; ++page) {
      if (!is_old(*segment, page, age)) continue;
      std::size_t end = page + 1;
      while (end < segment->pages && is_old(*segment, end, age)) ++end;
      return {segment, page, end - page};
    }
  }
  return {};
}

/// The pages of a run that the system can be told about: its pages may be larger than the heap's.
Run whole_system_pages(const Run& run) noexcept {
  const std::size_t page = os::page_bytes() / kPageBytes;
  const std::size_t first = align_up(run.first, page);
  const std::size_t end = align_down(run.first + run.pages, page);
  return end > first ? Run{run.segment, first, end - first} : Run{run.segment, first, 0};
}

}  // namespace

Run PageHeap::take(std::size_t pages, Lock& lock) noexcept {
  Run run = take_recent(pages);
  if (run.segment == nullptr) run = find(pages);
  if (run.segment == nullptr && recent_count_ != 0) {
    settle_recent();  // no run is long enough by itself
    run = find(pages);
  }
  while (run.segment == nullptr && add_segment(pages, lock)) run = find(pages);
  if (run.segment != nullptr) used_pages_ += run.pages;
  return run;
}

Run PageHeap::take_recent(std::size_t pages) noexcept {
  for (int i = recent_count_; i-- > 0;) {
    const Run run = recent_[i];
    if (run.pages < pages || run.pages > pages + pages / 8) continue;
    std::copy(recent_ + i + 1, recent_ + recent_count_, recent_ + i);
    --recent_count_;
    idle_pages_ -= run.pages;
    return run;
  }
  return {};
}

Run PageHeap::find(std::size_t pages) noexcept {
  while (Segment* segment = segments_.find(pages)) {
    const std::size_t first = segment->used.find_zeros(pages);
    if (first == segment->used.kNone) {
      segments_.set_longest_free(segment, pages - 1);
      continue;
    }
    const std::size_t idle = segment->touched.count(first, pages);
    if (idle < pages && recent_count_ != 0) {
      settle_recent();  // rather than make fresh pages resident: joined, these may do
      continue;
    }
    use(segment, first, pages, idle);
    return {segment, first, pages, idle == 0};
  }
  return {};
}

/// Marks free pages, `idle` of which may be resident.
void PageHeap::use(Segment* segment, std::size_t first, std::size_t pages,
                   std::size_t idle) noexcept {
  idle_pages_ -= idle;
  segment->used.set(first, pages);
  segment->touched.set(first, pages);
}

bool PageHeap::add_segment(std::size_t least_pages, Lock& lock) noexcept {
  const std::size_t small_pages = segments_.empty() ? kSmallPages : 0;
  begin_system_call(lock);
  Segment* added = map_segment(least_pages, small_pages, heap_);
  end_system_call(lock);
  if (added == nullptr) return false;
  if (segments_.add(added)) return true;
  unmap_segment(added);
  return false;
}

void PageHeap::put(const Run& run, Lock& lock) noexcept {
  used_pages_ -= run.pages;
  idle_pages_ += run.pages;
  const bool is_full = recent_count_ == kRecentRuns;
  const Run oldest = recent_[0];
  if (is_full) {
    std::copy(recent_ + 1, recent_ + recent_count_, recent_);
    --recent_count_;
    settle(oldest);
  }
  recent_[recent_count_++] = {run.segment, run.first, run.pages};
  // Last, because the lock is free meanwhile, and others put runs back.
  if (is_full && idle_bytes() > held_limit_bytes()) free_lazily(oldest, lock);
  if (idle_bytes() > idle_limit_ && !purging_) apply_limit(lock);
}

void PageHeap::apply_limit(Lock& lock) noexcept {
  idle_limit_ = idle_limit_bytes();
  if (idle_bytes() > idle_limit_) purge(0, lock);
}

void PageHeap::settle(const Run& run) noexcept {
  run.segment->used.clear(run.first, run.pages);
  std::memset(run.segment->ages + run.first, 0, run.pages);
  segments_.set_longest_free(run.segment, run.segment->pages);  // at most; find() will know better
}

void PageHeap::settle_recent() noexcept {
  std::for_each(recent_, recent_ + recent_count_, [this](const Run& run) { settle(run); });
  recent_count_ = 0;
}

bool PageHeap::extend(Run* run, std::size_t pages) noexcept {
  Segment* segment = run->segment;
  const std::size_t first = run->first + run->pages;
  const std::size_t more = pages - run->pages;
  if (first + more > segment->pages || segment->used.any(first, more)) return false;
  use(segment, first, more, segment->touched.count(first, more));
  used_pages_ += more;
  run->pages = pages;
  return true;
}

// Back to the system ----------

void PageHeap::grow_older() noexcept {
  idle_limit_ = 0;  // it may have become lower
  settle_recent();
  for (std::size_t place = 0; place < segments_.places(); ++place) {
    Segment* segment = segments_.at(place);
    if (segment == nullptr) continue;
    for_each_idle_page(*segment, [segment](std::size_t page) {
      segment->ages[page] = static_cast<std::uint8_t>(std::min(segment->ages[page] + 1, 255));
    });
  }
}

std::size_t PageHeap::purge(int age, Lock& lock) noexcept {
  settled_.wait(lock, [this] { return !purging_; });
  purging_ = true;
  if (age == 0) settle_recent();
  std::size_t bytes = 0;
  // Nobody else removes a segment meanwhile.
  for (std::size_t place = 0; place < segments_.places(); ++place) {
    Segment* segment = segments_.at(place);
    if (segment != nullptr) bytes += purge_segment(segment, age, lock);
  }
  purging_ = false;
  settled_.notify_all();
  return bytes;
}

std::size_t PageHeap::purge_segment(Segment* segment, int age, Lock& lock) noexcept {
  std::size_t bytes = 0;
  for (std::size_t from = 0; from < segment->pages;) {
    const Run run = find_old(segment, from, age);
    if (run.segment == nullptr) break;
    bytes += discard(run, lock);
    from = run.first + run.pages;
  }
  const bool is_empty =
      !segment->used.any(0, segment->pages) && !segment->touched.any(0, segment->pages);
  if (is_empty) unmap(segment, lock);
  return bytes;
}

std::size_t PageHeap::discard(const Run& old, Lock& lock) noexcept {
  const Run run = whole_system_pages(old);
  if (run.pages == 0) return 0;
  run.segment->used.set(run.first, run.pages);
  idle_pages_ -= run.pages;
  begin_system_call(lock);
  const std::size_t bytes = run.pages * kPageBytes;
  unpoison(run.start(), bytes);  // it may be cleared by writing
  const bool is_fresh = os::discard_pages(run.start(), bytes) == 0;
  poison(run.start(), bytes);
  end_system_call(lock);
  if (!is_fresh) return 0;  // nobody gets these pages any more
  run.segment->used.clear(run.first, run.pages);
  run.segment->touched.clear(run.first, run.pages);
  segments_.set_longest_free(run.segment, run.segment->pages);
  counters().returned.add(bytes);
  return bytes;
}

void PageHeap::unmap(Segment* segment, Lock& lock) noexcept {
  segments_.remove(segment);
  begin_system_call(lock);
  unmap_segment(segment);
  end_system_call(lock);
}

/// Where the system has huge pages, only whole ones of which nothing is in use: a part would split
/// it, and Linux 6.12 and newer would then drop its zeros.
void PageHeap::free_lazily(const Run& settled, Lock& lock) noexcept {
  Segment* segment = settled.segment;
  std::size_t first = settled.first;
  std::size_t end = settled.first + settled.pages;
  if (end > segment->first_huge_page) {
    first = align_down(first, kHugePagePages);
    end = std::min(align_up(end, kHugePagePages), segment->pages);
    while (first < end && segment->used.any(first, kHugePagePages)) first += kHugePagePages;
    while (first < end && segment->used.any(end - kHugePagePages, kHugePagePages)) {
      end -= kHugePagePages;
    }
  }
  const Run run = whole_system_pages({segment, first, end - first});
  if (run.pages == 0 || segment->used.any(run.first, run.pages)) return;
  segment->used.set(run.first, run.pages);
  begin_system_call(lock);
  (void)os::free_pages_lazily(run.start(), run.pages * kPageBytes);
  end_system_call(lock);
  segment->used.clear(run.first, run.pages);
  segments_.set_longest_free(segment, segment->pages);  // whoever looked meanwhile missed them
}

void PageHeap::begin_system_call(Lock& lock) noexcept {
  ++system_calls_;
  lock.unlock();
}

void PageHeap::end_system_call(Lock& lock) noexcept {
  lock.lock();
  if (--system_calls_ == 0) settled_.notify_all();
}

void PageHeap::wait_until_settled(Lock& lock) noexcept {
  settled_.wait(lock, [this] { return system_calls_ == 0 && !purging_; });
}

void PageHeap::remake_in_child() noexcept { zerofill::remake_in_child(&settled_); }

}  // namespace zerofill::heap
