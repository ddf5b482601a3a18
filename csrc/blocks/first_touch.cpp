#include "blocks/first_touch.h"

#include <atomic>
#include <cerrno>
#include <chrono>

#include "base/align.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/errors.h"
#include "base/units.h"
#include "blocks/huge_page_watch.h"
#include "blocks/shared_block.h"
#include "os/pages.h"
#include "os/threads.h"
#include "zeroing/chunks.h"

namespace zerofill::blocks {

FirstTouch::FirstTouch(Block* block, Users users) noexcept
    : block_(block),
      writes_(users == Users::none && !block->is_shared()),
      asks_(block->huge_pages),
      collapses_(may_collapse(*block) && should_collapse()) {}

bool FirstTouch::make(std::size_t start, std::size_t bytes) noexcept {
  std::byte* address = block_->address + start;
  if (collapses_.load(std::memory_order_relaxed) && bytes >= os::huge_page_bytes()) {
    return make_collapsed(address, bytes);
  }
  if (asks_.load(std::memory_order_relaxed) && bytes == os::huge_page_bytes()) {
    return make_huge(address, bytes);
  }
  return make_small(address, bytes);
}

// Huge pages are touched: that is one fault for each and holds up no other thread.
bool FirstTouch::make_huge(std::byte* address, std::size_t bytes) noexcept {
  const std::chrono::nanoseconds start = os::cpu_time_of_this_thread();
  if (!make_first(address)) return make_small(address, bytes);
  const bool granted = os::is_huge_page_granted(address);
  note_huge_page(granted, os::cpu_time_of_this_thread() - start);
  if (!should_ask_for_huge_pages()) give_up();
  if (!granted) return make_small(address, bytes);
  granted_.store(true, std::memory_order_relaxed);
  counters().populated_huge.add(bytes);
  return true;
}

/// Makes the first page of a range, and with it the huge page where one is granted.
bool FirstTouch::make_first(std::byte* address) noexcept {
  if (!writes_) return os::populate_pages(address, os::page_bytes()) == 0;
  touch_pages(address, 1);
  return true;
}

// Linux gives shared memory no huge pages at the first touch unless it is told to. 1 GiB takes two
// threads 100 ms so, and 280 as small pages.
bool FirstTouch::make_collapsed(std::byte* address, std::size_t bytes) noexcept {
  const std::size_t huge = os::huge_page_bytes();
  const std::size_t whole = align_down(bytes, huge);
  const Clock::time_point start = Clock::now();
  for (std::size_t offset = 0; offset < whole; offset += huge) {
    if (!make_first(address + offset)) return make_small(address, bytes);
  }
  const bool granted = os::collapse_shared(address, whole) == 0;
  note_collapse(granted, Clock::now() - start, whole / huge);
  if (!should_collapse()) collapses_ = false;
  if (!granted) return make_small(address, bytes);
  granted_.store(true, std::memory_order_relaxed);
  counters().populated_huge.add(whole);
  return whole == bytes || make_small(address + whole, bytes - whole);
}

// Small pages are populated, which is twice as fast as a fault for each. It holds the lock of the
// address space meanwhile, hence in chunks.
bool FirstTouch::make_small(std::byte* address, std::size_t bytes) noexcept {
  if (populates_.load(std::memory_order_relaxed)) {
    if (os::populate_pages(address, bytes) == 0) return true;
    populates_.store(false, std::memory_order_relaxed);
  }
  if (!writes_ && !allocate_for_sharing(address, bytes)) return false;
  touch_pages(address, bytes);
  return true;
}

/// Makes the pages of a shared block exist, which can be touched then.
bool FirstTouch::allocate_for_sharing(const std::byte* address, std::size_t bytes) noexcept {
  if (!block_->is_shared()) return false;
  const auto start = static_cast<std::size_t>(address - block_->address);
  int error = EINTR;
  while (error == EINTR) error = os::allocate_shared(block_->shared, start, bytes);
  return error == 0;
}

// Pages that exist are only cleared and mapped one by one, by several threads at once: 16 MiB take
// two threads 3.0 ms in all so, and 5.7 ms where they make them too, under the lock of the file.
// From 1 GiB on there is no difference, and a call that long would keep Ctrl-C waiting. A signal
// may come in each time, so it is tried once.
bool FirstTouch::allocate_ahead() noexcept {
  constexpr std::size_t kMost = 128 * MiB;
  if (!block_->is_shared() || asks_ || collapses_ || block_->bytes > kMost) return false;
  return os::allocate_shared(block_->shared, 0, block_->bytes) == 0;
}

void FirstTouch::give_up() noexcept {
  if (!asks_.exchange(false)) return;
  (void)os::advise_no_huge_pages(block_->address, block_->bytes);
}

void FirstTouch::finish() noexcept {
  block_->residency = Residency::all;
  block_->huge_pages = granted_ && (asks_ || may_collapse(*block_));
  counters().populated.add(block_->bytes);
}

namespace {

zeroing::Plan plan_for(const Block& block, const FirstTouch& first_touch) noexcept {
  if (first_touch.collapses()) return zeroing::plan_collapse(block.bytes);
  const bool in_file = block.is_shared() && !block.huge_pages;
  return in_file ? zeroing::plan_first_touch_of_shared(block.bytes)
                 : zeroing::plan_first_touch(block.bytes);
}

}  // namespace

void make_resident(Block* block, Reservation* reservation, const team::Poll& poll) {
  FirstTouch first_touch(block);
  std::atomic<bool> failed{false};
  const auto body = [&](std::size_t start, std::size_t bytes) {
    if (failed || !first_touch.make(start, bytes)) failed = true;
    reservation->settle(bytes);
  };
  if (first_touch.allocate_ahead()) reservation->settle(block->bytes);
  const zeroing::Plan plan = plan_for(*block, first_touch);
  zeroing::for_each_chunk(block->bytes, plan, poll, body);
  if (failed) throw OutOfMemory(ENOMEM);
  first_touch.finish();
}

void touch_pages(std::byte* address, std::size_t bytes) noexcept {
  const std::size_t step = os::page_bytes();
  for (std::size_t offset = 0; offset < bytes; offset += step) {
    *reinterpret_cast<volatile std::byte*>(address + offset) = std::byte{0};
  }
}

}  // namespace zerofill::blocks
