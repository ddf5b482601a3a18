#include "alloc/sending.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "alloc/allocation.h"
#include "base/clock.h"
#include "base/immortal.h"
#include "base/options.h"
#include "blocks/pool.h"
#include "blocks/shared_block.h"
#include "os/relatives.h"

namespace zerofill::alloc {
namespace {

/// How often the background thread looks whether a message has arrived.
constexpr Clock::duration kInterval = std::chrono::milliseconds(50);
/// How often, whether a process is left that could receive it, which takes longer.
constexpr Clock::duration kRelativesInterval = std::chrono::milliseconds(500);

struct Item {
  Kept kept;
  Clock::time_point hopeless_since;  ///< when nobody was found first; none yet if it is zero
  Item* next;
};

struct Items {
  std::mutex mutex;
  Item* first = nullptr;
  std::size_t bytes = 0;
  Clock::duration relatives_due{};  ///< since the clock's epoch
  Relatives relatives;              ///< as of the last message
};

Immortal<Items> items;

blocks::SharedControl* control_of(const Kept& kept) noexcept {
  return &blocks::control_of(*kept.block);
}

/// For how long a message is kept that no known process could receive: it may be for one that is
/// not a relative.
Clock::duration grace() noexcept {
  return std::max<Clock::duration>(6 * decay_time(), std::chrono::seconds(1));
}

/// Whether there has been nobody to receive it for so long.
bool is_hopeless(Item* item, bool has_relatives, Clock::time_point now) noexcept {
  if (has_relatives) {
    item->hopeless_since = Clock::time_point{};
    return false;
  }
  if (item->hopeless_since == Clock::time_point{}) item->hopeless_since = now;
  return now - item->hopeless_since >= grace();
}

bool runs(int process) noexcept { return process != 0 && os::runs_same_program(process); }

/// Whether it is time to look for relatives again, and then whether one is left that could receive
/// something: that takes long, so it is done without the mutex.
bool looks_for_relatives(Clock::time_point now, bool* has_relatives) noexcept {
  Relatives relatives;
  {
    const std::lock_guard<std::mutex> lock(items->mutex);
    if (items->first == nullptr || now.time_since_epoch() < items->relatives_due) return false;
    items->relatives_due = now.time_since_epoch() + kRelativesInterval;
    relatives = items->relatives;
  }
  *has_relatives = os::has_running_child(relatives.starter, relatives.tracker) ||
                   runs(relatives.parent) || runs(relatives.creator);
  return true;
}

/// Takes what need not be kept off the list.
Item* take_done() noexcept {
  const Clock::time_point now = Clock::now();
  bool has_relatives = false;
  const bool looks = looks_for_relatives(now, &has_relatives);
  const std::lock_guard<std::mutex> lock(items->mutex);
  Item* done = nullptr;
  for (Item** link = &items->first; *link != nullptr;) {
    Item* item = *link;
    const bool has_arrived = item->kept.sent->have_arrived(control_of(item->kept));
    if (!has_arrived && !(looks && is_hopeless(item, has_relatives, now))) {
      link = &item->next;
      continue;
    }
    *link = item->next;
    item->next = std::exchange(done, item);
    items->bytes -= item->kept.block->bytes;
  }
  return done;
}

Clock::time_point step() noexcept {
  give_up_received();
  const std::lock_guard<std::mutex> lock(items->mutex);
  return items->first != nullptr ? Clock::now() + kInterval : blocks::BackgroundThread::kWhenWoken;
}

}  // namespace

blocks::Ticket Sent::send(blocks::SharedControl* control, const Relatives& relatives) {
  {
    const std::lock_guard<std::mutex> lock(items->mutex);
    items->relatives = relatives;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  forget_those_of_parent();
  if (tickets_.size() == tickets_.capacity()) {
    drop_arrived(control);
    tickets_.reserve(std::max<std::size_t>(2 * tickets_.size(), 8));
  }
  tickets_.push_back(control->send());  // there is room for it
  return tickets_.back();
}

bool Sent::have_arrived(blocks::SharedControl* control) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  forget_those_of_parent();
  drop_arrived(control);
  return tickets_.empty();
}

void Sent::drop_arrived(blocks::SharedControl* control) noexcept {
  const auto has_arrived = [&](const blocks::Ticket& sent) { return control->collect(sent); };
  tickets_.erase(std::remove_if(tickets_.begin(), tickets_.end(), has_arrived), tickets_.end());
}

/// What the parent of a fork has sent is not the child's.
void Sent::forget_those_of_parent() noexcept {
  const int self = os::this_process();
  if (std::exchange(sender_, self) != self) tickets_.clear();
}

void keep_until_received(Kept kept) noexcept {
  auto* item = new (std::nothrow) Item{std::move(kept), Clock::time_point{}, nullptr};
  if (item == nullptr) return;
  bool is_first = false;
  {
    const std::lock_guard<std::mutex> lock(items->mutex);
    is_first = items->first == nullptr;
    items->bytes += item->kept.block->bytes;
    item->next = std::exchange(items->first, item);
  }
  give_up_received();
  // To wake the thread takes as long as to send an array. While there are others it wakes by
  // itself; where it cannot run, whoever shares memory next looks.
  if (is_first) (void)blocks::start_chore(&step);
}

Kept take_kept(const AttachmentKey& key, std::size_t alignment) noexcept {
  std::unique_ptr<Item> found;
  const std::lock_guard<std::mutex> lock(items->mutex);
  for (Item** link = &items->first; *link != nullptr; link = &(*link)->next) {
    Item* item = *link;
    if (!serves(item->kept.key, item->kept.block, key, alignment)) continue;
    found.reset(item);
    *link = item->next;
    items->bytes -= item->kept.block->bytes;
    return std::move(item->kept);
  }
  return {};
}

void give_up_received() noexcept {
  Item* done = take_done();
  while (done != nullptr) {
    const std::unique_ptr<Item> item(std::exchange(done, done->next));
    give_back_shared(std::move(item->kept.block), item->kept.key);
  }
}

std::size_t kept_bytes() noexcept {
  const std::lock_guard<std::mutex> lock(items->mutex);
  return items->bytes;
}

void lock_sending_before_fork() noexcept { items->mutex.lock(); }

void unlock_sending_in_parent() noexcept {
  const bool waits = items->first != nullptr;
  items->mutex.unlock();
  if (waits) (void)blocks::start_chore(&step);
}

void unlock_sending_in_child() noexcept {
  Item* parents = std::exchange(items->first, nullptr);
  items->bytes = 0;
  items->relatives = Relatives{};
  items->mutex.unlock();
  remake_in_child(&items->mutex);
  while (parents != nullptr) {
    const std::unique_ptr<Item> item(std::exchange(parents, parents->next));
  }
}

}  // namespace zerofill::alloc
