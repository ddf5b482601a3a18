#include "blocks/scrubber.h"

#include <algorithm>

#include "base/align.h"
#include "base/counters.h"
#include "base/options.h"
#include "base/poison.h"
#include "blocks/mapping.h"
#include "os/pages.h"
#include "team/team.h"
#include "zeroing/zero_range.h"

namespace zerofill::blocks {
namespace {

/// Smaller ones are better zeroed by their user, whose caches are warm then: the cycle of 4 or 8
/// MiB takes 1.48 times the use alone, and 1.6 with blocks that another core has scrubbed. At 1 GiB
/// it is 1.22 against 1.10.
bool is_larger_than_caches(const Block& block) noexcept {
  return zeroing::plan_zeroing(block.bytes).streaming;
}

/// As a whole: a part would split it, and Linux 6.12 and newer would drop its zeros.
void free_last_huge_page_lazily(const Block& block, std::size_t end) noexcept {
  const std::size_t start = align_down(end - 1, kHugePageUnit);
  (void)os::free_pages_lazily(block.address + start, end - start);
}

}  // namespace

void Scrubber::record_hit(std::size_t bytes) noexcept {
  last_hit_[size_class(bytes)] = Clock::now();
}

bool Scrubber::is_worthwhile(const Block& block) const noexcept {
  const Scrub wanted = options().scrub.load(std::memory_order_relaxed);
  if (wanted != Scrub::automatic) return wanted == Scrub::on;
  const Clock::time_point last_hit = last_hit_[size_class(block.bytes)];
  return is_larger_than_caches(block) && team::usable_cpus() > 1 && team::max_threads() > 1 &&
         last_hit != Clock::time_point{} && Clock::now() - last_hit < decay_time();
}

void Scrubber::scrub(FreeBlock* block, const BackgroundThread& thread, Lock& lock) noexcept {
  current_ = block;
  dropped_ = false;
  lock.unlock();
  const bool is_zero = zero(*block->block, thread);
  lock.lock();
  current_ = nullptr;
  if (is_zero) block->block->content = Content::zero;
  block->worth_scrubbing = false;
}

bool Scrubber::zero(const Block& block, const BackgroundThread& thread) noexcept {
  const zeroing::Plan plan = zeroing::plan_scrubbing(block.bytes);
  for (std::size_t done = 0; done < block.bytes; done += plan.chunk_bytes) {
    if (thread.should_stop() || dropped_) return false;
    const std::size_t chunk = std::min(plan.chunk_bytes, block.bytes - done);
    std::byte* address = block.address + done;
    // Where memory is short, scrubbing would take back what the system has just taken. On small
    // pages, those in front of the payload were never there.
    if (block.lazily_freed && os::missing_bytes(address, chunk) > kMaxColour) return false;
    unpoison(address, chunk);
    zeroing::zero_chunk(address, chunk, plan);
    poison(address, chunk);
    const std::size_t end = done + chunk;
    const bool ends_huge_page = end % kHugePageUnit == 0 || end == block.bytes;
    if (block.lazily_freed && ends_huge_page) free_last_huge_page_lazily(block, end);
  }
  counters().scrubbed.add(block.bytes);
  return true;
}

std::size_t Scrubber::bytes() const noexcept {
  return current_ != nullptr && !dropped_ ? current_->block->bytes : 0;
}

std::size_t Scrubber::drop() noexcept {
  const bool drops = current_ != nullptr && !dropped_.exchange(true);
  return drops ? current_->block->bytes : 0;
}

}  // namespace zerofill::blocks
