// blocks/purger: who waits, waits for the very blocks that are on their way, and for no others.
#include "blocks/purger.h"

#include <atomic>
#include <thread>

#include "base/units.h"
#include "blocks/mapping.h"
#include "blocks/slabs.h"
#include "check.h"
#include "gained.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using blocks::FreeBlock;
using blocks::Lock;
using blocks::Purger;

std::mutex mutex;

FreeBlock* free_block(std::size_t bytes) {
  return new FreeBlock{blocks::map_block(bytes, 64, 0, blocks::PageSize::small), Clock::now()};
}

/// A block that cannot be returned while the slabs are locked.
FreeBlock* block_of_a_slab() {
  auto taken = blocks::take_from_slab(256 * KiB, 64);
  CHECK(taken.has_value());
  return new FreeBlock{std::move(taken->block), Clock::now()};
}

/// Calls purge() on another thread, and returns when it is under way.
std::thread purge_elsewhere(Purger* purger, FreeBlock* chain) {
  std::atomic<bool> has_mutex{false};
  std::thread thread([&has_mutex, purger, chain] {
    Lock lock(mutex);
    has_mutex = true;
    purger->purge(chain, lock);
  });
  while (!has_mutex) os::sleep_microseconds(100);
  const Lock lock(mutex);
  return thread;
}

/// Other blocks come back meanwhile, and more of them.
void other_blocks_do_not_count() {
  Purger purger;
  FreeBlock* slow = block_of_a_slab();
  blocks::lock_slabs_before_fork();
  std::thread purging = purge_elsewhere(&purger, slow);
  std::atomic<bool> has_waited{false};
  std::atomic<bool> waits{false};
  std::thread waiting([&] {
    Lock lock(mutex);
    waits = true;
    purger.wait_until_purged(lock);
    has_waited = true;
  });
  while (!waits) os::sleep_microseconds(100);
  {
    Lock lock(mutex);
    purger.purge(free_block(8 * MiB), lock);
  }
  os::sleep_microseconds(20000);
  CHECK(!has_waited);
  blocks::unlock_slabs_in_parent();
  waiting.join();
  purging.join();
}

void who_waits_purges_what_is_handed_over() {
  Purger purger;
  FreeBlock* dropped = free_block(8 * MiB);
  const test::Gained gained;
  Lock lock(mutex);
  purger.expect_one();
  purger.hand_over(dropped);
  purger.wait_until_purged(lock);
  CHECK(gained.returned() >= 8 * MiB);
}

}  // namespace

int main() {
  other_blocks_do_not_count();
  who_waits_purges_what_is_handed_over();
}
