// blocks/pool: what is freed is kept within its limit, given back when it should be, and is never
// shown to the next owner.
#include "blocks/pool.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/align.h"
#include "base/errors.h"
#include "base/options.h"
#include "base/units.h"
#include "bytes.h"
#include "check.h"
#include "child.h"
#include "fake_budget.h"
#include "gained.h"
#include "os/pages.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using alloc::acquire;
using alloc::Allocation;
using alloc::Commit;
using test::all_are;
using test::holds_in_child;
using test::kZero;

constexpr team::Poll kNoPoll{};

std::size_t kept_bytes() { return blocks::pool_sizes().bytes(); }

void use(std::size_t bytes, std::size_t alignment = 64) {
  Allocation block = acquire({bytes, alignment, Commit::eager}, kNoPoll);
  CHECK(all_are(kZero, block.data(), bytes));
  test::make_dirty(block.block().address, block.block().bytes);
  block.release();
}

/// Waits for the background thread, as long as that takes: a hang ends by the test's own time
/// limit.
template <typename Condition>
void wait_until(Condition condition) {
  while (!condition()) os::sleep_microseconds(1000);
}

void start_afresh(Scrub scrub = Scrub::off) {
  options().scrub.store(scrub);
  options().decay.store(1000);
  options().pool_limit.store(1024 * MiB);
  alloc::trim();
}

void a_dirty_block_is_zeroed_and_nothing_else_is_done() {
  start_afresh();
  use(8 * MiB);
  const test::Gained gained;
  use(8 * MiB);
  CHECK(gained.zeroed() == 8388608);
  CHECK(gained.misses() + gained.populated() + gained.skipped() + gained.returned() == 0);
}

void a_scrubbed_block_is_not_zeroed_again() {
  start_afresh(Scrub::on);
  use(8 * MiB);
  wait_until([] { return blocks::pool_sizes().dirty_bytes == 0; });
  const test::Gained gained;
  use(8 * MiB);
  CHECK(gained.zeroed() == 0);
  CHECK(gained.misses() == 0);
  CHECK(gained.skipped() == 8388608);
}

void a_limit_holds() {
  start_afresh();
  options().pool_limit.store(20 * MiB);
  std::vector<Allocation> made;
  for (int i = 0; i < 5; ++i) made.push_back(acquire({6 * MiB, 64, Commit::eager}, kNoPoll));
  for (Allocation& allocation : made) {
    allocation.release();
    CHECK(kept_bytes() <= 20 * MiB);
  }
  CHECK(kept_bytes() > 18 * MiB);
}

void a_lower_limit_counts_at_once() {
  for (const Scrub scrub : {Scrub::off, Scrub::on}) {
    start_afresh(scrub);
    use(64 * MiB);
    use(32 * MiB);
    options().pool_limit.store(0);
    alloc::apply_options();
    CHECK(kept_bytes() == 0);
  }
}

void a_lower_decay_counts_at_once() {
  start_afresh();
  use(8 * MiB);
  options().decay.store(0);
  alloc::apply_options();
  CHECK(kept_bytes() == 0);
}

void an_idle_block_goes_back_although_nobody_calls() {
  start_afresh();
  options().decay.store(0.02);
  use(8 * MiB);
  wait_until([] { return kept_bytes() == 0; });
}

/// Beside what is kept back and the 64 MiB in the pool, 80 MiB are left.
void a_request_that_only_fits_without_the_pool_is_met() {
  start_afresh();
  use(64 * MiB);
  test::set_available(test::kFakeHeadroom + 80 * MiB);
  const test::Gained gained;
  CHECK(!test::throws<OutOfMemory>([] { use(112 * MiB); }));
  CHECK(gained.returned() >= 64 * MiB);
  test::set_available(test::kFakeTotal);
}

void a_request_that_does_not_fit_even_then_is_refused() {
  start_afresh();
  use(64 * MiB);
  test::set_available(test::kFakeHeadroom + 80 * MiB);
  CHECK(test::throws<OutOfMemory>([] { use(150 * MiB); }));
  test::set_available(test::kFakeTotal);
  use(64 * MiB);
}

/// The background thread looks once a second.
void when_memory_runs_low_everything_goes_back() {
  start_afresh();
  use(8 * MiB);
  test::set_available(test::kFakeHeadroom);
  const test::Gained gained;
  wait_until([] { return kept_bytes() == 0; });
  wait_until([&] { return gained.returned() >= 8 * MiB; });
  test::set_available(test::kFakeTotal);
  use(8 * MiB);
  CHECK(kept_bytes() >= 8 * MiB);
}

/// A block that the system may take pages of, and has taken half of it.
void free_block_with_missing_pages(Scrub scrub) {
  start_afresh(scrub);
  Allocation freed = acquire({64 * MiB, 64, Commit::eager}, kNoPoll);
  const blocks::Block block = freed.block();
  test::make_dirty(block.address, block.bytes);
  freed.release();
  if (scrub == Scrub::on) wait_until([] { return blocks::pool_sizes().dirty_bytes == 0; });
  CHECK(kept_bytes() >= 64 * MiB);
  CHECK(os::discard_pages(block.address, 32 * MiB) == 0);
}

void pages_that_the_system_has_taken_are_made_again() {
  for (const Scrub scrub : {Scrub::off, Scrub::on}) {
    free_block_with_missing_pages(scrub);
    const test::Gained gained;
    const Allocation zeros = acquire({64 * MiB, 64, Commit::eager}, kNoPoll);
    CHECK(gained.misses() == 0);
    CHECK(os::are_private_resident(align_up(zeros.data(), os::page_bytes()), 63 * MiB));
    CHECK(all_are(kZero, zeros.data(), 64 * MiB));
  }
}

/// As those of a fresh block are.
void pages_that_the_system_has_taken_must_fit_again() {
  for (const Scrub scrub : {Scrub::off, Scrub::on}) {
    free_block_with_missing_pages(scrub);
    test::set_available(test::kFakeHeadroom + 31 * MiB);
    const test::Gained gained;
    use(64 * MiB);  // which fits without what is left of the block
    CHECK(gained.misses() == 1);
    CHECK(gained.returned() >= 64 * MiB);
    test::set_available(test::kFakeTotal);
  }
}

/// They may hold anything, so nothing was written and nothing is known.
void a_block_with_missing_pages_is_not_kept() {
  free_block_with_missing_pages(Scrub::off);
  acquire({64 * MiB, 64, Commit::lazy, alloc::Touch::dense, blocks::Content::unknown}, kNoPoll)
      .release();
  CHECK(kept_bytes() == 0);
}

void scrubbing_leaves_a_block_with_missing_pages_alone() {
  start_afresh(Scrub::on);
  Allocation freed = acquire({64 * MiB, 64, Commit::eager}, kNoPoll);
  CHECK(os::discard_pages(freed.block().address, 32 * MiB) == 0);
  const test::Gained gained;
  freed.release();
  use(8 * MiB);  // which is newer
  wait_until([] { return blocks::pool_sizes().clean_bytes >= 8 * MiB; });
  alloc::trim();
  CHECK(gained.scrubbed() < 64 * MiB);
}

/// Whatever its former owner told the system about its pages.
void a_block_handed_out_is_an_ordinary_one() {
#ifdef __linux__
  for (const int advice : {MADV_WIPEONFORK, MADV_DONTFORK}) {
    start_afresh();
    Allocation first = acquire({8 * MiB, 64, Commit::eager}, kNoPoll);
    CHECK(madvise(first.block().address, 4 * MiB, advice) == 0);
    CHECK(mprotect(first.block().address, 4 * MiB, PROT_READ) == 0);
    first.release();
    const test::Gained gained;
    Allocation second = acquire({8 * MiB, 64, Commit::eager}, kNoPoll);
    CHECK(gained.misses() == 0);
    test::make_dirty(second.data(), 8 * MiB);
    CHECK(holds_in_child([&] { return all_are(test::kDirty, second.data(), 8 * MiB); }));
  }
#endif
}

/// Nobody can take them, so few are kept.
void addresses_are_left_to_others() {
  start_afresh();
  options().pool_limit.store(kAutomaticLimit);
  use(64 * MiB);
  CHECK(kept_bytes() >= 64 * MiB);
  use(32 * MiB);
  test::set_addresses_left(std::size_t{1} << 30);
  os::sleep_microseconds(20000);
  use(24 * MiB);
  CHECK(kept_bytes() <= 32 * MiB);
  test::set_addresses_left(SIZE_MAX);
}

/// Nobody is asked when pages are made on use, so the pool gives way before.
void pages_to_be_made_on_use_have_room() {
  start_afresh(Scrub::off);
  use(64 * MiB);
  const alloc::Request request{96 * MiB, 64, Commit::lazy, alloc::Touch::dense,
                               blocks::Content::unknown};
  test::set_available(test::kFakeHeadroom + 96 * MiB);
  acquire(request, kNoPoll).release();
  CHECK(kept_bytes() >= 64 * MiB);
  test::set_available(test::kFakeHeadroom + 95 * MiB);
  acquire(request, kNoPoll).release();
  CHECK(kept_bytes() == 0);
  test::set_available(test::kFakeTotal);
}

void threads_take_and_put_at_once(Scrub scrub) {
  start_afresh(scrub);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([i] {
      for (int step = 0; step < 30; ++step) use((1 + (i + step) % 5) * MiB, 64 << (step % 7));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void trimming_meets_scrubbing() {
  start_afresh(Scrub::on);
  for (int i = 0; i < 50; ++i) {
    const test::Gained gained;
    use(8 * MiB);
    CHECK(alloc::trim() >= 8 * MiB);
    CHECK(gained.returned() >=
          8 * MiB);  // at once, and not when the background thread gets round to it
    CHECK(kept_bytes() == 0);
  }
}

/// Others take and put meanwhile, and none of it is in the child.
void forking_meets_use() {
  start_afresh(Scrub::on);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&done] {
      while (!done) acquire({3 * MiB, 64, Commit::eager}, kNoPoll).release();
    });
  }
  for (int i = 0; i < 20; ++i) {
    CHECK(holds_in_child([] {
      const bool empty = kept_bytes() == 0;
      alloc::trim();
      return empty && kept_bytes() == 0;
    }));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
}

Allocation inherited;

/// Its pages are the parent's too: writing to them would copy each.
void what_a_fork_left_is_not_kept() {
  start_afresh(Scrub::off);
  inherited = acquire({8 * MiB, 64, Commit::eager}, kNoPoll);
  test::make_dirty(inherited.data(), 8 * MiB);
  CHECK(holds_in_child([] {
    inherited.release();
    return kept_bytes() == 0;
  }));
  inherited.release();
  CHECK(kept_bytes() >= 8 * MiB);
}

/// While a child lives that shares them.
void what_a_living_child_shares_is_not_kept() {
  start_afresh(Scrub::off);
  Allocation shared = acquire({8 * MiB, 64, Commit::eager}, kNoPoll);
  test::make_dirty(shared.data(), 8 * MiB);
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    char nothing;
    close(ends[1]);
    _exit(read(ends[0], &nothing, 1) == 0 ? 0 : 1);  // until the parent closes its end
  }
  shared.release();
  CHECK(kept_bytes() == 0);
  use(8 * MiB);  // a block of the time after the fork is
  CHECK(kept_bytes() >= 8 * MiB);
  close(ends[0]);
  close(ends[1]);
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

/// As a user who has all the processes that RLIMIT_NPROC allows, where this one may become another
/// user.
void blocks_are_reused_without_a_thread() {
  start_afresh();
  CHECK(holds_in_child([] {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_NPROC, &none) != 0 || setuid(65534) != 0) return true;  // not allowed here
    use(8 * MiB);
    if (kept_bytes() < 8 * MiB) return false;
    const test::Gained gained;
    use(8 * MiB);
    const bool reused = gained.misses() == 0;
    options().decay.store(0.001);
    os::sleep_microseconds(5000);
    use(64 * MiB);  // which looks at the ages
    use(1 * MiB);
    return reused && kept_bytes() < 72 * MiB;
  }));
}

void nothing_is_kept_over_a_fork(Scrub scrub) {
  for (int i = 0; i < 20; ++i) {
    start_afresh(scrub);
    use(8 * MiB);
    CHECK(holds_in_child([] {
      const bool empty = kept_bytes() == 0;
      use(8 * MiB);
      use(8 * MiB);
      return empty && kept_bytes() >= 8 * MiB;
    }));
    CHECK(kept_bytes() == 0);
    use(8 * MiB);
    CHECK(kept_bytes() >= 8 * MiB);
  }
}

}  // namespace

int main() {
  a_dirty_block_is_zeroed_and_nothing_else_is_done();
  a_scrubbed_block_is_not_zeroed_again();
  a_limit_holds();
  a_lower_limit_counts_at_once();
  a_lower_decay_counts_at_once();
  an_idle_block_goes_back_although_nobody_calls();
  a_request_that_only_fits_without_the_pool_is_met();
  a_request_that_does_not_fit_even_then_is_refused();
  when_memory_runs_low_everything_goes_back();
  pages_that_the_system_has_taken_are_made_again();
  pages_that_the_system_has_taken_must_fit_again();
  a_block_with_missing_pages_is_not_kept();
  scrubbing_leaves_a_block_with_missing_pages_alone();
  a_block_handed_out_is_an_ordinary_one();
  addresses_are_left_to_others();
  pages_to_be_made_on_use_have_room();
  threads_take_and_put_at_once(Scrub::off);
  threads_take_and_put_at_once(Scrub::on);
  trimming_meets_scrubbing();
  nothing_is_kept_over_a_fork(Scrub::off);
  nothing_is_kept_over_a_fork(Scrub::on);
  blocks_are_reused_without_a_thread();
  what_a_fork_left_is_not_kept();
  what_a_living_child_shares_is_not_kept();
  forking_meets_use();
}
