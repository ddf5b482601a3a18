#include "blocks/first_touch.h"

#include <chrono>

#include "base/counters.h"
#include "blocks/huge_page_watch.h"
#include "os/pages.h"
#include "os/threads.h"
#include "zeroing/chunks.h"

namespace zerofill::blocks {

void FirstTouch::make(std::size_t start, std::size_t bytes) noexcept {
  std::byte* address = block_->address + start;
  if (asks_.load(std::memory_order_relaxed) && bytes == os::huge_page_bytes()) {
    make_huge(address, bytes);
  } else {
    make_small(address, bytes);
  }
}

// Huge pages are touched: that is one fault for each and holds up no other thread.
void FirstTouch::make_huge(std::byte* address, std::size_t bytes) noexcept {
  const std::chrono::nanoseconds start = os::cpu_time_of_this_thread();
  touch_pages(address, 1);
  const bool granted = os::is_huge_page_granted(address);
  note_huge_page(granted, os::cpu_time_of_this_thread() - start);
  if (!should_ask_for_huge_pages()) give_up();
  if (!granted) return make_small(address, bytes);
  granted_.store(true, std::memory_order_relaxed);
  counters().populated_huge.add(bytes);
}

// Small pages are populated, which is twice as fast as a fault for each. It holds the lock of the
// address space meanwhile, hence in chunks.
void FirstTouch::make_small(std::byte* address, std::size_t bytes) noexcept {
  if (populates_.load(std::memory_order_relaxed)) {
    if (os::populate_pages(address, bytes) == 0) return;
    populates_.store(false, std::memory_order_relaxed);
  }
  touch_pages(address, bytes);
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
  const auto body = [&](std::size_t start, std::size_t bytes) {
    first_touch.make(start, bytes);
    reservation->settle(bytes);
  };
  zeroing::for_each_chunk(block->bytes, zeroing::plan_first_touch(block->bytes), poll, body);
  first_touch.finish();
}

void touch_pages(std::byte* address, std::size_t bytes) noexcept {
  const std::size_t step = os::page_bytes();
  for (std::size_t offset = 0; offset < bytes; offset += step) {
    *reinterpret_cast<volatile std::byte*>(address + offset) = std::byte{0};
  }
}

}  // namespace zerofill::blocks
