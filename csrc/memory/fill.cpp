#include "memory/fill.h"

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/align.h"
#include "kernel/zero.h"
#include "memory/counters.h"
#include "os/pages.h"

namespace zerofill::memory {
namespace {

/// Calls body(start, bytes) for every chunk of a range of `bytes`, as the plan says.
template <typename Body>
void for_each_chunk(std::size_t bytes, const Plan& plan, const team::Poll& poll, Body body) {
  auto chunk = [&](std::size_t index) {
    const std::size_t start = index * plan.chunk_bytes;
    body(start, std::min(plan.chunk_bytes, bytes - start));
  };
  const std::size_t chunks = ceil_divide(bytes, plan.chunk_bytes);
  if (!team::parallel_for(chunks, plan.threads, poll, chunk)) throw Interrupted();
}

/// One write a page: the first to a fresh page makes it resident. The page is zero and stays so.
void touch_pages(std::byte* address, std::size_t bytes) noexcept {
  const std::size_t step = os::page_bytes();
  for (std::size_t offset = 0; offset < bytes; offset += step) {
    *reinterpret_cast<volatile std::byte*>(address + offset) = std::byte{0};
  }
}

}  // namespace

void make_resident(Block* block, Reservation* reservation, const team::Poll& poll) {
  // Huge pages: a touch is one fault for 2 MiB and holds up no other thread. Small ones: populate
  // is twice as fast as one fault a page, but holds the lock of the address space, so in chunks.
  std::atomic<bool> populate{!block->huge_pages};
  for_each_chunk(block->bytes, plan_first_touch(block->bytes), poll,
                 [&](std::size_t start, std::size_t bytes) {
                   std::byte* address = block->address + start;
                   if (!populate.load(std::memory_order_relaxed)) {
                     touch_pages(address, bytes);
                   } else if (os::populate_pages(address, bytes) != 0) {
                     populate.store(false, std::memory_order_relaxed);
                     touch_pages(address, bytes);
                   }
                   reservation->settle(bytes);
                 });
  block->residency = Residency::all;
  counters().populated.add(block->bytes);
}

void zero_chunk(std::byte* address, std::size_t bytes, const Plan& plan) noexcept {
  if (plan.streaming) {
    kernel::zero_streaming(address, bytes);
  } else {
    kernel::zero_cached(address, bytes);
  }
}

void zero(std::byte* address, std::size_t bytes, const team::Poll& poll) {
  const Plan plan = plan_zeroing(bytes);
  for_each_chunk(bytes, plan, poll, [&](std::size_t start, std::size_t chunk) {
    zero_chunk(address + start, chunk, plan);
  });
  counters().zeroed.add(bytes);
}

}  // namespace zerofill::memory
