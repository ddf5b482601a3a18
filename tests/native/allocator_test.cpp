// alloc/allocator: blocks of zeros as they were asked for, counted, or nothing at all.
#include "alloc/allocator.h"

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/errors.h"
#include "base/options.h"
#include "base/units.h"
#include "blocks/budget.h"
#include "blocks/huge_page_watch.h"
#include "bytes.h"
#include "check.h"
#include "gained.h"
#include "os/pages.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using alloc::acquire;
using alloc::Allocation;
using alloc::Commit;
using test::all_are;
using test::kZero;

constexpr team::Poll kNoPoll{};

void is_zero_and_large_enough(std::size_t bytes, Commit commit) {
  Allocation block = acquire({bytes, 64, commit}, kNoPoll);
  CHECK(block.data() >= block.block().address);
  CHECK(block.data() + bytes <= block.block().address + block.block().bytes);
  CHECK(block.block().bytes % os::page_bytes() == 0);
  CHECK(all_are(kZero, block.data(), bytes));
  block.release();
}

void blocks_are_zero_and_large_enough() {
  for (std::size_t bytes : {std::size_t{1}, std::size_t{4095}, std::size_t{4096}, std::size_t{4097},
                            256 * KiB, 2 * MiB - 1, 2 * MiB, 16 * MiB + 1}) {
    is_zero_and_large_enough(bytes, Commit::eager);
    is_zero_and_large_enough(bytes, Commit::lazy);
  }
}

void discarded_memory_is_zero() {
  for (const std::size_t bytes : {4 * MiB, 7 * MiB + 64, 9 * MiB - 64}) {
    Allocation memory = acquire({bytes, 64, Commit::eager}, kNoPoll);
    test::make_dirty(memory.data(), bytes);
    memory.discard();
    CHECK(all_are(kZero, memory.data(), bytes));
  }
}

void is_aligned(std::size_t bytes, std::size_t alignment, Commit commit) {
  Allocation block = acquire({bytes, alignment, commit}, kNoPoll);
  CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % alignment == 0);
  CHECK(all_are(kZero, block.data(), bytes));
  block.release();
}

void every_alignment_up_to_1_GiB_is_met() {
  for (int power = 0; power <= 30; ++power) {
    for (std::size_t bytes : {std::size_t{1}, std::size_t{100000}, 3 * MiB}) {
      is_aligned(bytes, std::size_t{1} << power, Commit::eager);
      is_aligned(bytes, std::size_t{1} << power, Commit::lazy);
    }
  }
}

/// Arrays that all start alike compete for the same cache sets.
void blocks_start_at_different_places() {
  Allocation one = acquire({4 * MiB, 64, Commit::eager}, kNoPoll);
  Allocation other = acquire({4 * MiB, 64, Commit::eager}, kNoPoll);
  CHECK((other.data() - other.block().address) != (one.data() - one.block().address));
  one.release();
  other.release();
}

/// While huge pages take long to be had, none is asked for: a second later it is again.
void wait_for_huge_pages() {
  for (int waited = 0; !blocks::should_ask_for_huge_pages(); ++waited) {
    CHECK(waited < 60'000);
    os::sleep_microseconds(1000);
  }
}

void has_huge_pages(std::size_t bytes, Commit commit, bool expected) {
  bool found = !expected;
  for (int tries = 0; tries < 10 && found != expected; ++tries) {
    if (expected) wait_for_huge_pages();
    alloc::trim();  // or the block of the last try comes back
    Allocation block = acquire({bytes, 64, commit}, kNoPoll);
    found = block.block().huge_pages;
    block.release();
  }
  CHECK(found == expected);
}

void eager_blocks_that_hold_one_have_huge_pages() {
  const std::size_t huge = os::huge_page_bytes();
  if (huge == 0) return has_huge_pages(16 * MiB, Commit::eager, false);
  has_huge_pages(huge, Commit::eager, true);
  has_huge_pages(huge, Commit::lazy, false);
  has_huge_pages(huge / 2, Commit::eager, false);
}

/// Whole huge pages are aligned by Linux 6.7 and newer in any case, hence one and a half.
void a_block_with_huge_pages_starts_at_one() {
  Allocation block = acquire({3 * MiB, 1, Commit::eager}, kNoPoll);
  const std::size_t unit = block.block().huge_pages ? os::huge_page_bytes() : os::page_bytes();
  CHECK(reinterpret_cast<std::uintptr_t>(block.block().address) % unit == 0);
  block.release();
}

void nothing_of_a_former_block_is_seen() {
  for (int i = 0; i < 20; ++i) {
    Allocation block = acquire({MiB, 64, i % 2 == 0 ? Commit::eager : Commit::lazy}, kNoPoll);
    CHECK(all_are(kZero, block.data(), MiB));
    test::make_dirty(block.block().address, block.block().bytes);
    block.release();
  }
}

void threads_get_blocks_of_their_own() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(nothing_of_a_former_block_is_seen);
  for (std::thread& thread : threads) thread.join();
}

void a_fresh_eager_block_is_populated_and_never_zeroed() {
  alloc::trim();
  const test::Gained gained;
  Allocation block = acquire({MiB, 64, Commit::eager}, kNoPoll);
  CHECK(gained.misses() == 1);
  CHECK(gained.populated() == block.block().bytes);
  CHECK(gained.zeroed() == 0);
  CHECK(gained.skipped() == 1048576);
  CHECK(gained.returned() == 0);
  block.release();
}

void a_fresh_lazy_block_is_neither() {
  alloc::trim();
  const test::Gained gained;
  Allocation block = acquire({MiB, 64, Commit::lazy}, kNoPoll);
  CHECK(gained.misses() == 1);
  CHECK(gained.populated() == 0);
  CHECK(gained.zeroed() == 0);
  CHECK(gained.skipped() == 1048576);
  CHECK(gained.returned() == 0);
  block.release();
}

void a_released_lazy_block_is_returned() {
  alloc::trim();
  Allocation block = acquire({MiB, 64, Commit::lazy}, kNoPoll);
  const std::size_t bytes = block.block().bytes;
  const test::Gained gained;
  block.release();
  CHECK(gained.returned() == bytes);
}

void too_much_is_refused(std::size_t bytes, std::size_t alignment, Commit commit) {
  alloc::trim();
  const test::Gained gained;
  CHECK(test::throws<OutOfMemory>([&] { acquire({bytes, alignment, commit}, kNoPoll); }));
  CHECK(gained.nothing());
}

void sizes_that_overflow_are_refused() {
  const std::size_t most = 0xFFFFFFFFFFFFFFFF;
  for (Commit commit : {Commit::eager, Commit::lazy}) {
    too_much_is_refused(most, 64, commit);
    too_much_is_refused(most - 4095, 64, commit);
    too_much_is_refused(most - 2 * MiB + 1, 64, commit);
    too_much_is_refused(std::size_t{1} << 63, 64, commit);
    too_much_is_refused(std::size_t{1} << 62, std::size_t{1} << 30, commit);
  }
  too_much_is_refused(1, std::size_t{1} << 63, Commit::lazy);
}

/// On one thread, since that then takes several times the 20 ms after which the poll is asked.
void a_poll_that_says_stop_leaves_nothing_taken() {
  options().num_threads.store(1);
  alloc::trim();
  const team::Poll stop{[](void*) { return true; }, nullptr};
  const std::size_t bytes = std::min(1024 * MiB, blocks::budget_total_bytes() / 2);
  const test::Gained gained;
  CHECK(test::throws<Interrupted>([&] { acquire({bytes, 64, Commit::eager}, stop); }));
  CHECK(gained.misses() == 0);
  CHECK(gained.returned() >= bytes);
  CHECK(gained.skipped() == 0);
}

}  // namespace

int main() {
  blocks_are_zero_and_large_enough();
  discarded_memory_is_zero();
  every_alignment_up_to_1_GiB_is_met();
  blocks_start_at_different_places();
  eager_blocks_that_hold_one_have_huge_pages();
  a_block_with_huge_pages_starts_at_one();
  nothing_of_a_former_block_is_seen();
  threads_get_blocks_of_their_own();
  a_fresh_eager_block_is_populated_and_never_zeroed();
  a_fresh_lazy_block_is_neither();
  a_released_lazy_block_is_returned();
  sizes_that_overflow_are_refused();
  a_poll_that_says_stop_leaves_nothing_taken();
}
