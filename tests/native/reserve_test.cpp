// alloc/reserve: memory made ahead of time is cut up for whoever needs it, and goes back when it is
// cancelled, purged or forked.
#include "alloc/reserve.h"

#include <atomic>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/errors.h"
#include "base/units.h"
#include "blocks/pool.h"
#include "bytes.h"
#include "check.h"
#include "child.h"
#include "gained.h"

namespace {

using namespace zerofill;
using alloc::Commit;
using test::all_are;
using test::kZero;

alloc::Allocation zeros(std::size_t bytes) {
  return alloc::acquire({bytes, 64, Commit::eager}, {});
}

std::size_t reserved() { return alloc::stats().reserved_bytes; }

std::shared_ptr<alloc::Reserve> finished(std::size_t bytes) {
  auto reserve = alloc::start_reserve(bytes);
  while (!reserve->wait(1000)) {
  }
  CHECK(!reserve->is_cancelled());
  CHECK(reserve->resident_bytes() == reserve->bytes());
  return reserve;
}

void blocks_out_of_it_are_disjoint_zero_and_resident() {
  const auto reserve = finished(60 * MiB);
  CHECK(reserved() == reserve->bytes() && reserve->bytes() >= 60 * MiB);
  const test::Gained gained;
  std::vector<alloc::Allocation> blocks;
  for (const std::size_t bytes : {20 * MiB, 2 * MiB, 5 * MiB + 1, 30 * MiB}) {
    blocks.push_back(zeros(bytes));
    CHECK(all_are(kZero, blocks.back().data(), bytes));
    test::make_dirty(blocks.back().data(), bytes);
  }
  CHECK(gained.misses() + gained.zeroed() + gained.populated() == 0);
  CHECK(gained.clean_hits() == 4);
  blocks.clear();
  const auto again = zeros(20 * MiB);
  CHECK(all_are(kZero, again.data(), again.bytes()));
}

void what_is_left_of_it_is_purged() {
  finished(16 * MiB);
  const auto block = zeros(4 * MiB);
  CHECK(reserved() >= 12 * MiB);
  CHECK(alloc::trim() >= 12 * MiB);
  CHECK(reserved() == 0);
  CHECK(all_are(kZero, block.data(), block.bytes()));
}

void too_much_is_refused() {
  CHECK(test::throws<OutOfMemory>([] { alloc::start_reserve(std::size_t{1} << 50); }));
  CHECK(test::throws<OutOfMemory>([] { alloc::start_reserve(~std::size_t{0}); }));
  CHECK(reserved() == 0);
}

void a_cancelled_one_is_no_ones() {
  for (int turn = 0; turn < 50; ++turn) {
    const auto reserve = alloc::start_reserve(64 * MiB);
    if (turn % 3 == 0) reserve->wait(static_cast<unsigned>(turn));
    reserve->cancel();
    CHECK(reserve->wait(0));
    CHECK(reserve->is_cancelled() == (reserve->resident_bytes() != reserve->bytes()));
    CHECK(reserved() == (reserve->is_cancelled() ? 0 : reserve->bytes()));
    alloc::trim();
  }
}

void many_threads_reserve_and_take() {
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([number] {
      for (int turn = 0; turn < 10; ++turn) {
        const auto reserve = alloc::start_reserve(8 * MiB);
        auto block = zeros(4 * MiB);
        CHECK(all_are(kZero, block.data(), block.bytes()));
        test::make_dirty(block.data(), block.bytes());
        if ((turn + number) % 3 == 0) reserve->cancel();
        if ((turn + number) % 5 == 0) alloc::trim();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  alloc::trim();
}

void a_fork_ends_it() {
  finished(8 * MiB);
  const auto under_way = alloc::start_reserve(256 * MiB);
  CHECK(test::holds_in_child([] {
    finished(8 * MiB);
    const auto block = zeros(8 * MiB);
    return all_are(kZero, block.data(), block.bytes());
  }));
  CHECK(under_way->wait(0));
  CHECK(reserved() == 0);
  finished(8 * MiB);
}

/// Those who wait hold its mutex for moments, and a fork does not wait for them.
void a_child_may_ask_after_one_that_others_wait_for() {
  const auto reserve = alloc::start_reserve(8 * MiB);
  std::atomic<bool> stops{false};
  std::vector<std::thread> threads;
  for (int number = 0; number < 3; ++number) {
    threads.emplace_back([&] {
      while (!stops) reserve->wait(0);
    });
  }
  for (int turn = 0; turn < 50; ++turn) {
    CHECK(test::holds_in_child([&] {
      reserve->cancel();
      return reserve->wait(1000);
    }));
  }
  stops = true;
  for (std::thread& thread : threads) thread.join();
  alloc::trim();
}

}  // namespace

int main() {
  blocks_out_of_it_are_disjoint_zero_and_resident();
  what_is_left_of_it_is_purged();
  too_much_is_refused();
  a_cancelled_one_is_no_ones();
  many_threads_reserve_and_take();
  a_fork_ends_it();
  a_child_may_ask_after_one_that_others_wait_for();
}
