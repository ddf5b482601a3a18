#include "memory/pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <utility>

#include "base/align.h"
#include "base/poison.h"
#include "memory/budget.h"
#include "memory/counters.h"
#include "memory/fill.h"
#include "memory/options.h"
#include "memory/plan.h"
#include "memory/usage.h"
#include "os/cpus.h"
#include "os/fork.h"
#include "os/pages.h"
#include "os/threads.h"

namespace zerofill::memory {
namespace {

using Lock = std::unique_lock<std::mutex>;

// How often the keeper looks how much memory is left: nobody tells when it runs low.
constexpr Clock::duration kLook = std::chrono::seconds(1);

// Found as the library is loaded, with the CPU quota: reading that takes microseconds.
const int kUsableCpus = os::usable_cpus();

Clock::duration decay() noexcept {
  const double seconds = options().decay.load(std::memory_order_relaxed);
  constexpr double kYear = 365.0 * 24 * 3600;  // longer than a clock's count would overflow
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::min(seconds, kYear)));
}

class Pool {
 public:
  std::optional<Block> take(const Wanted& wanted) noexcept;
  void put(const Block& block) noexcept;
  void count(std::ptrdiff_t bytes) noexcept;
  std::size_t trim() noexcept;
  PoolSizes sizes() noexcept;

  void before_fork() noexcept;
  void after_fork_in_parent() noexcept;
  void after_fork_in_child() noexcept;

 private:
  // All of these need mutex_ to be held; those with a lock may let go of it in between. Blocks that
  // are taken off the shelves come as a chain, linked by `older`.
  bool keep(Kept* kept) noexcept;
  bool is_worth_scrubbing(const Block& block) const noexcept;
  bool has_keeper() noexcept;
  template <typename Condition>
  Kept* take_oldest_while(Condition holds) noexcept;
  Kept* take_beyond(std::size_t limit) noexcept;
  Kept* take_expired(Clock::time_point now) noexcept;
  Kept* take_all() noexcept;
  std::size_t give_back(Kept* chain, Lock& lock) noexcept;
  void wait_until_returned(Lock& lock) noexcept;
  PoolSizes sizes_now() const noexcept;
  void watch() noexcept;
  Kept* take_unwanted(Lock& lock) noexcept;
  bool scrub_one(Lock& lock) noexcept;
  void wait(Lock& lock) noexcept;

  /// Without the mutex: zeroes the block unless it is to stop, and says whether it did.
  bool scrub(const Block& block) noexcept;

  std::mutex fork_mutex_;  ///< held over a whole fork: one at a time stops the keeper
  std::mutex mutex_;
  std::condition_variable changed_;   ///< there is something for the keeper to do
  std::condition_variable returned_;  ///< something has gone back to the system, or can
  Shelves shelves_;                   ///< guarded by mutex_, as is all below but the atomics
  std::size_t leaving_bytes_ = 0;     ///< taken off the shelves for the system, ever
  std::size_t returned_bytes_ = 0;    ///< of these, back in the system
  Usage usage_;
  Clock::time_point last_hit_[kSizeClasses] = {};  ///< of a request for zeros
  Kept* being_scrubbed_ = nullptr;
  Kept* dropped_ = nullptr;  ///< a chain for whoever trims, as the keeper may be kept waiting
  os::Thread keeper_;
  bool keeper_runs_ = false;
  bool forking_ = false;
  Clock::time_point last_look_{};           ///< at how much memory is left
  bool keeper_sleeps_ = false;              ///< until it is notified
  bool found_nothing_ = false;              ///< when the keeper last looked
  std::atomic<bool> stopping_{false};       ///< the keeper is to end
  std::atomic<bool> drop_scrubbed_{false};  ///< what it scrubs is not wanted any more
};

/// Bytes that may be kept. The default leaves room for twice what was in use lately: the blocks
/// themselves once they are freed, and a spare for each that is being scrubbed meanwhile.
std::size_t limit_bytes(const Usage& usage) noexcept {
  const std::size_t limit = options().pool_limit.load(std::memory_order_relaxed);
  if (limit != kAutomatic) return limit;
  return std::min(budget_total_bytes() / 4, 2 * usage.recent_peak_bytes());
}

/// Returns how many bytes that was.
std::size_t Pool::give_back(Kept* chain, Lock& lock) noexcept {
  if (chain == nullptr) return 0;
  std::size_t bytes = 0;
  lock.unlock();
  while (chain != nullptr) {
    Kept* kept = chain;
    chain = kept->older;
    bytes += kept->block.bytes;
    unmap_block(kept->block);
    delete kept;
  }
  lock.lock();
  returned_bytes_ += bytes;
  returned_.notify_all();
  return bytes;
}

std::optional<Block> Pool::take(const Wanted& wanted) noexcept {
  Lock lock(mutex_);
  Kept* kept = shelves_.find(wanted);
  if (kept == nullptr) return std::nullopt;
  shelves_.remove(kept);
  const auto now = Clock::now();
  if (wanted.preference != Preference::dirty) last_hit_[size_class(kept->block.bytes)] = now;
  usage_.change(static_cast<std::ptrdiff_t>(kept->block.bytes), now, decay());
  lock.unlock();
  Block block = kept->block;
  unpoison(block.address, block.bytes);
  block.payload = fit(block, wanted);
  delete kept;
  return block;
}

void Pool::count(std::ptrdiff_t bytes) noexcept {
  const Lock lock(mutex_);
  usage_.change(bytes, Clock::now(), decay());
}

void Pool::put(const Block& block) noexcept {
  auto* kept = new (std::nothrow) Kept{block, Clock::now()};
  if (kept == nullptr) {
    unmap_block(block);
    return count(-static_cast<std::ptrdiff_t>(block.bytes));
  }
  Lock lock(mutex_);
  usage_.change(-static_cast<std::ptrdiff_t>(block.bytes), kept->since, decay());
  if (keep(kept)) {
    kept = take_beyond(limit_bytes(usage_));
  } else {
    leaving_bytes_ += block.bytes;
  }
  give_back(kept, lock);
}

bool Pool::keep(Kept* kept) noexcept {
  const Block& block = kept->block;
  const bool too_large = block.bytes > std::min(limit_bytes(usage_), kMostPooledBytes);
  if (too_large || decay() == Clock::duration::zero() || !has_keeper()) return false;
  kept->worth_scrubbing = is_worth_scrubbing(block);
  poison(block.address, block.bytes);
  shelves_.add(kept);
  // Waking the keeper costs as much as zeroing a megabyte. It looks by itself while there was
  // something lately.
  if (keeper_sleeps_ || kept->worth_scrubbing) changed_.notify_one();
  return true;
}

/// Scrubbing takes a core and memory bandwidth, so by default only blocks that are likely to be
/// wanted again, large enough for that to be worth waking a thread, and with a core to spare.
bool Pool::is_worth_scrubbing(const Block& block) const noexcept {
  switch (options().scrub.load(std::memory_order_relaxed)) {
    case Scrub::off:
      return false;
    case Scrub::on:
      return true;
    case Scrub::automatic:
      break;
  }
  const auto last_hit = last_hit_[size_class(block.bytes)];
  const bool has_spare_cpu =
      kUsableCpus > 1 && options().num_threads.load(std::memory_order_relaxed) > 1;
  return block.bytes >= kScrubBytes && has_spare_cpu && last_hit != Clock::time_point{} &&
         Clock::now() - last_hit < decay();
}

template <typename Condition>
Kept* Pool::take_oldest_while(Condition holds) noexcept {
  Kept* chain = nullptr;
  for (Kept* kept = shelves_.oldest(); kept != nullptr && holds(*kept); kept = shelves_.oldest()) {
    shelves_.remove(kept);
    leaving_bytes_ += kept->block.bytes;
    kept->older = chain;
    chain = kept;
  }
  return chain;
}

Kept* Pool::take_beyond(std::size_t limit) noexcept {
  return take_oldest_while([&](const Kept&) { return sizes_now().bytes() > limit; });
}

Kept* Pool::take_expired(Clock::time_point now) noexcept {
  return take_oldest_while([&](const Kept& kept) { return now - kept.since >= decay(); });
}

Kept* Pool::take_all() noexcept {
  return take_oldest_while([](const Kept&) { return true; });
}

// Whoever trims needs the memory, so it is back when this returns: also what another thread is
// giving back just now, and what the keeper is told to drop.
void Pool::wait_until_returned(Lock& lock) noexcept {
  const std::size_t leaving = leaving_bytes_;
  while (returned_bytes_ < leaving) {
    if (Kept* dropped = std::exchange(dropped_, nullptr)) {
      give_back(dropped, lock);
    } else {
      returned_.wait(lock);
    }
  }
}

std::size_t Pool::trim() noexcept {
  Lock lock(mutex_);
  std::size_t bytes = 0;  // not those of a call beside this one: each may count on its own
  if (being_scrubbed_ != nullptr && !drop_scrubbed_.exchange(true)) {
    bytes = being_scrubbed_->block.bytes;
    leaving_bytes_ += bytes;
  }
  bytes += give_back(take_all(), lock);
  wait_until_returned(lock);
  return bytes;
}

PoolSizes Pool::sizes() noexcept {
  const Lock lock(mutex_);
  return sizes_now();
}

PoolSizes Pool::sizes_now() const noexcept {
  const bool scrubbing = being_scrubbed_ != nullptr && !drop_scrubbed_;
  return {shelves_.clean_bytes(),
          shelves_.dirty_bytes() + (scrubbing ? being_scrubbed_->block.bytes : 0)};
}

// The keeper ----------

bool Pool::has_keeper() noexcept {
  if (forking_) return false;  // it would not be in the child
  if (!keeper_runs_) {
    stopping_ = false;
    const auto body = [](void* pool) { static_cast<Pool*>(pool)->watch(); };
    keeper_runs_ = os::start_thread("zerofill-keeper", body, this, &keeper_) == 0;
  }
  return keeper_runs_;
}

void Pool::watch() noexcept {
  os::lower_priority_of_this_thread();
  Lock lock(mutex_);
  while (!stopping_) {
    if (Kept* removed = take_unwanted(lock)) {
      give_back(removed, lock);
    } else if (!scrub_one(lock)) {
      wait(lock);
    }
  }
}

Kept* Pool::take_unwanted(Lock& lock) noexcept {
  const auto now = Clock::now();
  if (shelves_.empty() || now - last_look_ < kLook) return take_expired(now);
  last_look_ = now;
  lock.unlock();
  const bool is_short = memory_is_short();
  lock.lock();
  return is_short ? take_all() : take_expired(now);
}

void Pool::wait(Lock& lock) noexcept {
  if (stopping_) return;  // said while the keeper looked at memory, and nobody says it twice
  const Kept* oldest = shelves_.oldest();
  const auto now = Clock::now();
  const bool found_nothing_twice = oldest == nullptr && found_nothing_;
  found_nothing_ = oldest == nullptr;
  if (found_nothing_twice) {
    keeper_sleeps_ = true;
    changed_.wait(lock);
    keeper_sleeps_ = false;
  } else {
    const auto expiry = (oldest != nullptr ? oldest->since : now) + decay();
    changed_.wait_until(lock, std::min(expiry, now + kLook));
  }
}

bool Pool::scrub_one(Lock& lock) noexcept {
  Kept* kept = shelves_.to_scrub();
  if (kept == nullptr) return false;
  shelves_.remove(kept);
  being_scrubbed_ = kept;
  drop_scrubbed_ = false;
  lock.unlock();
  const bool is_zero = scrub(kept->block);
  lock.lock();
  being_scrubbed_ = nullptr;
  if (is_zero) kept->block.content = Content::zero;
  if (!drop_scrubbed_) {
    shelves_.add(kept);
    return true;
  }
  kept->older = std::exchange(dropped_, kept);
  returned_.notify_all();
  return true;
}

bool Pool::scrub(const Block& block) noexcept {
  const Plan plan = plan_scrubbing(block.bytes);
  for (std::size_t done = 0; done < block.bytes; done += plan.chunk_bytes) {
    if (stopping_ || drop_scrubbed_) return false;
    const std::size_t chunk = std::min(plan.chunk_bytes, block.bytes - done);
    unpoison(block.address + done, chunk);
    zero_chunk(block.address + done, chunk, plan);
    poison(block.address + done, chunk);
  }
  counters().scrubbed.add(block.bytes);
  return true;
}

// Fork ----------

// Kept blocks would become copy-on-write, and the child has no keeper: nothing is kept over a fork.
void Pool::before_fork() noexcept {
  fork_mutex_.lock();
  Lock lock(mutex_);
  forking_ = true;
  stopping_ = true;
  changed_.notify_all();
  const bool runs = keeper_runs_;
  lock.unlock();
  if (runs) os::join_threads(&keeper_, 1);
  lock.lock();
  keeper_runs_ = false;
  give_back(take_all(), lock);
  wait_until_returned(lock);  // what other threads are giving back would be nobody's in the child
  lock.release();             // held until the fork is over
}

void Pool::after_fork_in_parent() noexcept {
  forking_ = false;
  mutex_.unlock();
  fork_mutex_.unlock();
}

void Pool::after_fork_in_child() noexcept {
  after_fork_in_parent();
  // Other threads of the parent may have been waiting on these, and are not here to wake up.
  new (&fork_mutex_) std::mutex;
  new (&mutex_) std::mutex;
  new (&changed_) std::condition_variable;
  new (&returned_) std::condition_variable;
  leaving_bytes_ = returned_bytes_;  // what other threads were giving back is not on its way here
}

/// Never destroyed: the keeper may be in it while the process exits.
Pool& pool() noexcept {
  alignas(Pool) static unsigned char storage[sizeof(Pool)];
  static Pool* const instance = new (storage) Pool;
  return *instance;
}

[[maybe_unused]] const int kForkHooks =
    os::on_fork([] { pool().before_fork(); }, [] { pool().after_fork_in_parent(); },
                [] { pool().after_fork_in_child(); });

}  // namespace

void unmap_block(const Block& block) noexcept {
  unpoison(block.address, block.bytes);  // or the next mapping here would be poisoned
  if (os::unmap_pages(block.address, block.bytes) == 0) counters().returned.add(block.bytes);
}

std::optional<Block> take_from_pool(const Wanted& wanted) noexcept { return pool().take(wanted); }

void put_into_pool(const Block& block) noexcept { pool().put(block); }

void count_in_use(std::ptrdiff_t bytes) noexcept { pool().count(bytes); }

std::size_t trim_pool() noexcept { return pool().trim(); }

PoolSizes pool_sizes() noexcept { return pool().sizes(); }

}  // namespace zerofill::memory
