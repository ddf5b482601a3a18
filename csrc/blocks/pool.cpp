// The design is told in pool.h.
#include "blocks/pool.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "base/immortal.h"
#include "base/options.h"
#include "base/poison.h"
#include "blocks/background_thread.h"
#include "blocks/budget.h"
#include "blocks/pool_limits.h"
#include "blocks/purger.h"
#include "blocks/reserved_blocks.h"
#include "blocks/scrubber.h"
#include "os/pages.h"

namespace zerofill::blocks {
namespace {

// How often the background thread looks whether memory is low. Linux has events for that (PSI, and
// memory.events of a control group), but not every process may subscribe to them, and polling works
// wherever the figures can be read.
constexpr Clock::duration kLowMemoryPollInterval = std::chrono::seconds(1);

class Pool {
 public:
  Pool() noexcept
      : background_([](void* p, Lock& lock) { return static_cast<Pool*>(p)->step(lock); }, this) {}

  std::optional<PlacedBlock> take(const FitRequest& request) noexcept;
  void put(OwnedBlock block) noexcept;
  void put_reserved(OwnedBlock block) noexcept;
  std::size_t trim() noexcept;
  void apply_options() noexcept;
  PoolSizes sizes() noexcept;
  bool start_chore(BackgroundThread::Chore chore) noexcept {
    const Lock lock(mutex_);
    return background_.start_chore(chore, &mutex_);
  }

  Lock purge_before_fork() noexcept;
  void allow() noexcept;
  void after_fork_in_parent() noexcept;
  void after_fork_in_child() noexcept;

 private:
  // All of these need mutex_ to be held; those with a lock let go of it in between.
  bool push(FreeBlock* freed, std::size_t limit) noexcept;
  PoolSizes sizes_now() const noexcept;
  bool is_empty() const noexcept { return lists_.empty() && reserved_.empty(); }
  bool may_hold(std::size_t bytes) noexcept;  // takes mutex_ by itself
  template <typename Condition>
  FreeBlock* pop_oldest_while(Condition holds) noexcept;
  FreeBlock* evict_over(std::size_t limit) noexcept;
  std::size_t drop_scrubbed() noexcept;
  void do_without_thread(Lock& lock) noexcept;
  FreeBlock* pop_expired() noexcept;
  FreeBlock* pop_all() noexcept;

  // The background thread's.
  Clock::time_point step(Lock& lock) noexcept;
  FreeBlock* pop_unwanted(Lock& lock) noexcept;
  bool scrub_one(Lock& lock) noexcept;
  Clock::time_point next_step_due() noexcept;

  std::mutex mutex_;  ///< guards all below
  FreeLists lists_;
  ReservedBlocks reserved_;
  Purger purger_;
  Scrubber scrubber_;
  BackgroundThread background_;
  Clock::time_point last_poll_;  ///< for low memory
  bool was_empty_ = false;       ///< when the background thread last had nothing to do
};

std::optional<PlacedBlock> Pool::take(const FitRequest& request) noexcept {
  Lock lock(mutex_);
  do_without_thread(lock);
  FreeBlock* found = lists_.find(request);
  if (found == nullptr) return reserved_.cut(request);
  lists_.remove(found);
  if (request.preference != ContentPreference::dirty) scrubber_.record_hit(found->block->bytes);
  lock.unlock();
  OwnedBlock block = std::move(found->block);
  delete found;
  unpoison(block->address, block->bytes);
  std::byte* payload = place_payload(*block, request);
  return PlacedBlock{std::move(block), payload};
}

void Pool::put(OwnedBlock block) noexcept {
  const std::size_t bytes = block->bytes;
  if (os::reset_advice(block->address, bytes) != 0) return;  // the block goes back to the system
  block->lazily_freed = !may_hold(bytes) && os::free_pages_lazily(block->address, bytes) == 0;
  auto* freed = new (std::nothrow) FreeBlock{std::move(block), Clock::now()};
  if (freed == nullptr) return;  // no memory for the entry: the block goes back to the system
  Lock lock(mutex_);
  // With the mutex, or a lower limit that was applied meanwhile would miss this block.
  const std::size_t limit = limit_bytes();
  if (push(freed, limit)) freed = evict_over(limit);
  purger_.purge(freed, lock);
  do_without_thread(lock);
}

void Pool::put_reserved(OwnedBlock block) noexcept {
  auto* record = new (std::nothrow) FreeBlock{std::move(block), Clock::now()};
  if (record == nullptr) return;  // the block goes back to the system
  Lock lock(mutex_);
  if (background_.is_forbidden()) return (void)purger_.purge(record, lock);
  (void)background_.ensure_running(&mutex_);  // which looks whether memory is low
  poison(record->block->address, record->block->bytes);
  reserved_.push(record);
  background_.wake();
}

bool Pool::may_hold(std::size_t bytes) noexcept {
  const Lock lock(mutex_);
  return lists_.held_bytes() + bytes <= held_limit_bytes();
}

/// False when the block must not be pooled.
bool Pool::push(FreeBlock* freed, std::size_t limit) noexcept {
  const Block& block = *freed->block;
  const bool too_large = block.bytes > std::min(limit, kMaxPooledBytes);
  if (too_large || decay_time() == Clock::duration::zero()) return false;
  if (block.is_shared() &&
      !may_pool_shared(lists_.shared_blocks() + 1, lists_.held_bytes() + block.bytes)) {
    return false;
  }
  if (background_.is_forbidden()) return false;
  (void)background_.ensure_running(&mutex_);  // do_without_thread() does where it cannot be started
  freed->worth_scrubbing = scrubber_.is_worthwhile(block);
  poison(block.address, block.bytes);
  lists_.push(freed);
  if (background_.is_idle() || freed->worth_scrubbing) background_.wake();
  return true;
}

std::size_t Pool::trim() noexcept {
  Lock lock(mutex_);
  // Only what this call purges or drops: with another call beside it, each may count on its own.
  const std::size_t dropped = drop_scrubbed();
  const std::size_t purged = purger_.purge(pop_all(), lock);
  purger_.wait_until_purged(lock);
  return dropped + purged;
}

void Pool::apply_options() noexcept {
  Lock lock(mutex_);
  const std::size_t limit = limit_bytes();
  if (scrubber_.bytes() > limit) drop_scrubbed();
  purger_.purge(evict_over(limit), lock);
  purger_.purge(pop_expired(), lock);
  purger_.wait_until_purged(lock);
  background_.wake();  // the next block may expire earlier than the thread believes
}

PoolSizes Pool::sizes() noexcept {
  const Lock lock(mutex_);
  return sizes_now();
}

PoolSizes Pool::sizes_now() const noexcept {
  return {lists_.clean_bytes(), lists_.dirty_bytes() + scrubber_.bytes(), reserved_.bytes()};
}

/// A chain of the oldest blocks, off the lists.
template <typename Condition>
FreeBlock* Pool::pop_oldest_while(Condition holds) noexcept {
  FreeBlock* chain = nullptr;
  for (FreeBlock* block = lists_.oldest(); block != nullptr && holds(*block);
       block = lists_.oldest()) {
    lists_.remove(block);
    block->older = chain;
    chain = block;
  }
  return chain;
}

FreeBlock* Pool::evict_over(std::size_t limit) noexcept {
  return pop_oldest_while([&](const FreeBlock&) { return sizes_now().freed_bytes() > limit; });
}

std::size_t Pool::drop_scrubbed() noexcept {
  const std::size_t bytes = scrubber_.drop();
  if (bytes != 0) purger_.expect_one();
  return bytes;
}

FreeBlock* Pool::pop_expired() noexcept {
  const auto now = Clock::now();
  return pop_oldest_while(
      [&](const FreeBlock& block) { return now - block.freed_at >= decay_time(); });
}

FreeBlock* Pool::pop_all() noexcept {
  return reserved_.pop_all(pop_oldest_while([](const FreeBlock&) { return true; }));
}

void Pool::do_without_thread(Lock& lock) noexcept {
  if (background_.is_running() || is_empty()) return;
  purger_.purge(pop_unwanted(lock), lock);
}

Clock::time_point Pool::step(Lock& lock) noexcept {
  if (FreeBlock* unwanted = pop_unwanted(lock)) {
    purger_.purge(unwanted, lock);
    return BackgroundThread::kNow;
  }
  return scrub_one(lock) ? BackgroundThread::kNow : next_step_due();
}

FreeBlock* Pool::pop_unwanted(Lock& lock) noexcept {
  const auto now = Clock::now();
  if (is_empty() || now - last_poll_ < kLowMemoryPollInterval) return pop_expired();
  last_poll_ = now;
  lock.unlock();
  const bool is_low = is_memory_low();
  lock.lock();
  return is_low ? pop_all() : pop_expired();
}

bool Pool::scrub_one(Lock& lock) noexcept {
  FreeBlock* block = lists_.next_to_scrub();
  if (block == nullptr) return false;
  lists_.remove(block);
  scrubber_.scrub(block, background_, lock);
  if (scrubber_.was_dropped()) {
    purger_.hand_over(block);
  } else {
    lists_.push(block);
    purger_.purge(evict_over(limit_bytes()), lock);  // it may have become lower meanwhile
  }
  return true;
}

Clock::time_point Pool::next_step_due() noexcept {
  const FreeBlock* oldest = lists_.oldest();
  const bool is_empty_still = is_empty() && was_empty_;
  was_empty_ = is_empty();
  if (is_empty_still) return BackgroundThread::kWhenWoken;
  const auto now = Clock::now();
  const auto expiry = (oldest != nullptr ? oldest->freed_at : now) + decay_time();
  return std::min(expiry, now + kLowMemoryPollInterval);
}

Lock Pool::purge_before_fork() noexcept {
  Lock lock(mutex_);
  background_.stop_before_fork(lock);
  purger_.purge(pop_all(), lock);
  // What others are purging would be nobody's in the child.
  while (purger_.is_purging()) purger_.wait_until_purged(lock);
  return lock;
}

void Pool::allow() noexcept {
  const Lock lock(mutex_);
  background_.allow_after_fork();
}

void Pool::after_fork_in_parent() noexcept {
  background_.allow_after_fork();
  mutex_.unlock();
}

void Pool::after_fork_in_child() noexcept {
  mutex_.unlock();
  remake_in_child(&mutex_);
  background_.remake_in_child();
  purger_.remake_in_child();
}

Immortal<Pool> the_pool;

}  // namespace

std::optional<PlacedBlock> take_from_pool(const FitRequest& request) noexcept {
  return the_pool->take(request);
}

void put_into_pool(OwnedBlock block) noexcept { the_pool->put(std::move(block)); }
void put_reserved(OwnedBlock block) noexcept { the_pool->put_reserved(std::move(block)); }
std::size_t trim_pool() noexcept { return the_pool->trim(); }
void apply_options_to_pool() noexcept { the_pool->apply_options(); }
bool start_chore(BackgroundThread::Chore chore) noexcept { return the_pool->start_chore(chore); }
PoolSizes pool_sizes() noexcept { return the_pool->sizes(); }
void purge_pool_before_fork() noexcept { (void)the_pool->purge_before_fork(); }
void lock_pool_before_fork() noexcept { the_pool->purge_before_fork().release(); }
void allow_pooling() noexcept { the_pool->allow(); }
void resume_pool_in_parent() noexcept { the_pool->after_fork_in_parent(); }
void resume_pool_in_child() noexcept { the_pool->after_fork_in_child(); }

}  // namespace zerofill::blocks
