#include "alloc/attachments.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/immortal.h"
#include "base/options.h"
#include "base/poison.h"
#include "blocks/budget.h"
#include "blocks/pool.h"
#include "blocks/pool_limits.h"
#include "blocks/shared_block.h"

namespace zerofill::alloc {
namespace {

using blocks::OwnedBlock;

/// Each has a file descriptor, so few are kept.
constexpr std::size_t kMostKept = 16;
/// How many pieces of memory it is remembered of that they have arrived.
constexpr std::size_t kMostArrivals = 64;
/// How often the background thread looks at what is kept.
constexpr Clock::duration kInterval = std::chrono::milliseconds(50);

struct Attachment {
  AttachmentKey key{};
  OwnedBlock block;
  Clock::duration unused_since{};  ///< since the clock's epoch

  bool is_there() const noexcept { return block->address != nullptr; }
};

struct Arrivals {
  std::uint64_t identity = 0;
  unsigned count = 0;
};

struct Attachments {
  std::mutex mutex;
  Attachment kept[kMostKept];
  Arrivals arrivals[kMostArrivals];
  std::size_t next_arrival = 0;  ///< where the next one is noted that is not known
  bool is_watched = false;       ///< by the background thread
  bool is_roomy = true;          ///< memory was, when the background thread looked last
  bool was_used = false;         ///< since that looked last
};

Immortal<Attachments> attachments;

Clock::duration longest_time() noexcept {
  return std::min<Clock::duration>(decay_time(), std::chrono::seconds(1));
}

Arrivals* find_arrivals(std::uint64_t identity) noexcept {
  const auto is_it = [&](const Arrivals& one) { return one.identity == identity; };
  Arrivals* end = attachments->arrivals + kMostArrivals;
  Arrivals* found = std::find_if(attachments->arrivals, end, is_it);
  return found != end ? found : nullptr;
}

void count_arrival(std::uint64_t identity) noexcept {
  Arrivals* known = find_arrivals(identity);
  if (known == nullptr) {
    known = &attachments->arrivals[attachments->next_arrival++ % kMostArrivals];
    *known = {identity, 0};
  }
  ++known->count;
}

bool is_worth_it(const AttachmentKey& key, const OwnedBlock& block) noexcept {
  const Arrivals* arrivals = find_arrivals(key.identity);
  return arrivals != nullptr && arrivals->count > 1 && longest_time() > Clock::duration::zero() &&
         !blocks::control_of(*block).is_dropped();
}

std::size_t sum_of_kept() noexcept {
  std::size_t bytes = 0;
  for (const Attachment& one : attachments->kept) bytes += one.is_there() ? one.block->bytes : 0;
  return bytes;
}

/// Whether its addresses can be spared, and its maker could have as much again while it is here:
/// that counts on its memory as soon as it has dropped it.
bool has_room_for(std::size_t bytes) noexcept {
  if (!attachments->is_watched) attachments->is_roomy = blocks::would_fit(bytes);
  return attachments->is_roomy && sum_of_kept() + bytes <= blocks::most_idle_bytes();
}

/// The one that has no attachment, or else has not been used for the longest time.
Attachment* place_for_next() noexcept {
  const auto is_better = [](const Attachment& one, const Attachment& other) {
    if (!one.is_there() || !other.is_there()) return !one.is_there() && other.is_there();
    return one.unused_since < other.unused_since;
  };
  return std::min_element(attachments->kept, attachments->kept + kMostKept, is_better);
}

/// Unmaps those of which `is_over` says so; returns how many bytes that was.
template <typename IsOver>
std::size_t unmap_if(IsOver is_over) noexcept {
  OwnedBlock over[kMostKept];
  std::size_t bytes = 0;
  {
    const std::lock_guard<std::mutex> lock(attachments->mutex);
    for (std::size_t index = 0; index < kMostKept; ++index) {
      Attachment& one = attachments->kept[index];
      if (!one.is_there() || !is_over(one)) continue;
      bytes += one.block->bytes;
      over[index] = std::move(one.block);
    }
  }
  return bytes;  // they are unmapped without the mutex
}

Clock::time_point step() noexcept {
  const Clock::time_point now = Clock::now();
  unmap_if([&](const Attachment& one) {
    return now.time_since_epoch() - one.unused_since >= longest_time() ||
           blocks::control_of(*one.block).is_dropped();
  });
  const std::lock_guard<std::mutex> lock(attachments->mutex);
  const std::size_t kept = sum_of_kept();
  attachments->is_roomy = blocks::would_fit(kept);
  attachments->is_watched = std::exchange(attachments->was_used, false) || kept != 0;
  return attachments->is_watched ? now + kInterval : blocks::BackgroundThread::kWhenWoken;
}

}  // namespace

bool serves(const AttachmentKey& kept, const OwnedBlock& block, const AttachmentKey& key,
            std::size_t alignment) noexcept {
  return kept.identity == key.identity && kept.bytes == key.bytes && kept.origin == key.origin &&
         reinterpret_cast<std::uintptr_t>(block->address) % alignment == 0;
}

OwnedBlock take_attachment(const AttachmentKey& key, std::size_t alignment) noexcept {
  const std::lock_guard<std::mutex> lock(attachments->mutex);
  count_arrival(key.identity);
  for (Attachment& one : attachments->kept) {
    if (!one.is_there() || !serves(one.key, one.block, key, alignment)) continue;
    unpoison(one.block->address, blocks::most_payload_bytes(*one.block));
    return std::move(one.block);
  }
  return {};
}

void put_attachment(const AttachmentKey& key, OwnedBlock block) noexcept {
  OwnedBlock displaced;
  bool needs_watch = false;
  {
    const std::lock_guard<std::mutex> lock(attachments->mutex);
    if (!is_worth_it(key, block) || !has_room_for(block->bytes)) return;  // and it is unmapped
    // Its user is gone: who writes to it now is told under AddressSanitizer.
    poison(block->address, blocks::most_payload_bytes(*block));
    Attachment* place = place_for_next();
    displaced = std::exchange(place->block, std::move(block));
    place->key = key;
    place->unused_since = Clock::now().time_since_epoch();
    attachments->was_used = true;
    needs_watch = !std::exchange(attachments->is_watched, true);
  }
  // To wake the thread takes long, so it goes on looking while there is something now and then.
  if (!needs_watch || blocks::start_chore(&step)) return;
  {
    const std::lock_guard<std::mutex> lock(attachments->mutex);
    attachments->is_watched = false;
  }
  trim_attachments();
}

std::size_t trim_attachments() noexcept {
  return unmap_if([](const Attachment&) { return true; });
}

void lock_attachments_before_fork() noexcept {
  attachments->mutex.lock();
  for (Attachment& one : attachments->kept) one.block = OwnedBlock();
}

void unlock_attachments_in_parent() noexcept {
  attachments->is_watched = false;
  attachments->mutex.unlock();
}

void unlock_attachments_in_child() noexcept {
  unlock_attachments_in_parent();
  remake_in_child(&attachments->mutex);
}

}  // namespace zerofill::alloc
