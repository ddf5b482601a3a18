#include "blocks/first_touch.h"

#include <atomic>
#include <chrono>

#include "base/clock.h"
#include "base/counters.h"
#include "os/pages.h"
#include "os/threads.h"
#include "zeroing/chunks.h"

namespace zerofill::blocks {
namespace {

// How long no huge pages are asked for after they were refused.
constexpr Clock::duration kScarceTime = std::chrono::seconds(1);

// A huge page takes 0.13 to 0.25 ms of a CPU's time, and longer where the system has to move other
// pages about for it (compaction), but also where a virtual machine has to get the memory first.
constexpr std::chrono::nanoseconds kSlowTime = std::chrono::milliseconds(3);

// Chunks that got no huge page, or had to wait for compaction, after which no more are asked for.
// Not the first, because the next may do.
constexpr int kMostBadChunks = 4;

std::atomic<Clock::rep> scarce_until{0};
std::atomic<unsigned long long> known_compactions{0};

bool was_compacting() noexcept {
  const unsigned long long now = os::count_compactions();
  return now > known_compactions.exchange(now, std::memory_order_relaxed);
}

}  // namespace

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
  const bool is_slow = os::cpu_time_of_this_thread() - start > kSlowTime;
  const bool is_bad = !granted || (is_slow && was_compacting());
  if (is_bad && bad_chunks_.fetch_add(1) + 1 == kMostBadChunks) give_up();
  if (!granted) return make_small(address, bytes);
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
  scarce_until.store((Clock::now() + kScarceTime).time_since_epoch().count());
  (void)os::advise_no_huge_pages(block_->address, block_->bytes);
}

void FirstTouch::finish() noexcept {
  block_->residency = Residency::all;
  block_->huge_pages = asks_.load(std::memory_order_relaxed);
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

bool are_huge_pages_scarce() noexcept {
  const Clock::rep until = scarce_until.load(std::memory_order_relaxed);
  return until != 0 && Clock::now().time_since_epoch().count() < until;
}

void touch_pages(std::byte* address, std::size_t bytes) noexcept {
  const std::size_t step = os::page_bytes();
  for (std::size_t offset = 0; offset < bytes; offset += step) {
    *reinterpret_cast<volatile std::byte*>(address + offset) = std::byte{0};
  }
}

}  // namespace zerofill::blocks
