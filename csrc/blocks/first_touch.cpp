#include "blocks/first_touch.h"

#include <atomic>

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
// pages about for it.
constexpr std::chrono::nanoseconds kSlowTime = std::chrono::milliseconds(3);

// Chunks that were slow, or got no huge page, after which no more are asked for. Not the first: the
// next may do, and on a machine that others use any chunk may be slow.
constexpr int kMostBadChunks = 4;

std::atomic<Clock::rep> scarce_until{0};

/// How the pages of one block are made. All threads of the team use it at once.
class FirstTouch {
 public:
  explicit FirstTouch(Block* block) noexcept : block_(block), asks_(block->huge_pages) {}

  /// Makes a chunk resident.
  void make(std::byte* address, std::size_t bytes) noexcept {
    if (asks_.load(std::memory_order_relaxed) && bytes == os::huge_page_bytes()) {
      make_huge(address, bytes);
    } else {
      make_small(address, bytes);
    }
  }

  bool has_huge_pages() const noexcept { return asks_.load(std::memory_order_relaxed); }

 private:
  /// Huge pages are touched: that is one fault for each and holds up no other thread.
  void make_huge(std::byte* address, std::size_t bytes) noexcept {
    const std::chrono::nanoseconds start = os::cpu_time_of_this_thread();
    touch_pages(address, 1);
    const bool granted = os::is_huge_page_granted(address);
    const bool is_slow = os::cpu_time_of_this_thread() - start > kSlowTime;
    if ((is_slow || !granted) && bad_chunks_.fetch_add(1) + 1 == kMostBadChunks) give_up();
    if (!granted) return make_small(address, bytes);
    counters().populated_huge.add(bytes);
  }

  /// Small pages are populated, which is twice as fast as a fault for each. It holds the lock of
  /// the address space meanwhile, hence in chunks.
  void make_small(std::byte* address, std::size_t bytes) noexcept {
    if (populates_.load(std::memory_order_relaxed)) {
      if (os::populate_pages(address, bytes) == 0) return;
      populates_.store(false, std::memory_order_relaxed);
    }
    touch_pages(address, bytes);
  }

  void give_up() noexcept {
    if (!asks_.exchange(false)) return;
    scarce_until.store((Clock::now() + kScarceTime).time_since_epoch().count());
    (void)os::advise_no_huge_pages(block_->address, block_->bytes);
  }

  Block* block_;
  std::atomic<bool> asks_;
  std::atomic<bool> populates_{true};
  std::atomic<int> bad_chunks_{0};
};

}  // namespace

void make_resident(Block* block, Reservation* reservation, const team::Poll& poll) {
  FirstTouch first_touch(block);
  const auto body = [&](std::size_t start, std::size_t bytes) {
    first_touch.make(block->address + start, bytes);
    reservation->settle(bytes);
  };
  zeroing::for_each_chunk(block->bytes, zeroing::plan_first_touch(block->bytes), poll, body);
  block->residency = Residency::all;
  block->huge_pages = first_touch.has_huge_pages();
  counters().populated.add(block->bytes);
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
