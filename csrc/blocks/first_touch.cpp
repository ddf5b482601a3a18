#include "blocks/first_touch.h"

#include <atomic>
#include <cerrno>
#include <chrono>

#include "base/counters.h"
#include "base/errors.h"
#include "base/units.h"
#include "blocks/huge_page_watch.h"
#include "os/pages.h"
#include "os/threads.h"
#include "zeroing/chunks.h"

namespace zerofill::blocks {

bool FirstTouch::make(std::size_t start, std::size_t bytes) noexcept {
  std::byte* address = block_->address + start;
  if (asks_.load(std::memory_order_relaxed) && bytes == os::huge_page_bytes()) {
    return make_huge(address, bytes);
  }
  return make_small(address, bytes);
}

// Huge pages are touched: that is one fault for each and holds up no other thread.
bool FirstTouch::make_huge(std::byte* address, std::size_t bytes) noexcept {
  const std::chrono::nanoseconds start = os::cpu_time_of_this_thread();
  if (!make_first(address)) return false;
  const bool granted = os::is_huge_page_granted(address) || collapse(address);
  const Sharing sharing = block_->is_shared() ? Sharing::yes : Sharing::no;
  if (asks_) note_huge_page(granted, os::cpu_time_of_this_thread() - start, sharing);
  if (!should_ask_for_huge_pages(sharing)) give_up();
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

// Shared memory gets no huge pages at the first touch as Linux is set by default, but here it does:
// 1 GiB takes two threads 100 ms so, and 310 as small pages.
bool FirstTouch::collapse(std::byte* address) noexcept {
  if (!block_->is_shared()) return false;
  const int error = os::collapse_shared(address);
  if (error == ENOTSUP) give_up();
  return error == 0;
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
  if (!block_->is_shared() || asks_ || block_->bytes > kMost) return false;
  return os::allocate_shared(block_->shared, 0, block_->bytes) == 0;
}

void FirstTouch::give_up() noexcept {
  if (!asks_.exchange(false)) return;
  (void)os::advise_no_huge_pages(block_->address, block_->bytes);
}

void FirstTouch::finish() noexcept {
  block_->residency = Residency::all;
  block_->huge_pages = asks_ && granted_;
  counters().populated.add(block_->bytes);
}

void make_resident(Block* block, Reservation* reservation, const team::Poll& poll) {
  FirstTouch first_touch(block);
  std::atomic<bool> failed{false};
  const auto body = [&](std::size_t start, std::size_t bytes) {
    if (failed || !first_touch.make(start, bytes)) failed = true;
    reservation->settle(bytes);
  };
  if (first_touch.allocate_ahead()) reservation->settle(block->bytes);
  const bool in_file = block->is_shared() && !block->huge_pages;
  const zeroing::Plan plan = in_file ? zeroing::plan_first_touch_of_shared(block->bytes)
                                     : zeroing::plan_first_touch(block->bytes);
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
