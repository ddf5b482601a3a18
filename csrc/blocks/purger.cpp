#include "blocks/purger.h"

#include <utility>

#include "base/immortal.h"

namespace zerofill::blocks {

std::size_t Purger::purge(FreeBlock* chain, Lock& lock) noexcept {
  if (chain == nullptr) return 0;
  Batch mine{next_number_++, under_way_};
  under_way_ = &mine;
  std::size_t bytes = 0;
  lock.unlock();
  while (chain != nullptr) {
    FreeBlock* block = std::exchange(chain, chain->older);
    bytes += block->block->bytes;
    delete block;
  }
  lock.lock();
  Batch** link = &under_way_;
  while (*link != &mine) link = &(*link)->next;
  *link = mine.next;
  progress_.notify_all();
  return bytes;
}

void Purger::hand_over(FreeBlock* block) noexcept {
  block->older = std::exchange(handed_over_, block);
  progress_.notify_all();
}

void Purger::accept_handed_over(Lock& lock) noexcept {
  FreeBlock* chain = std::exchange(handed_over_, nullptr);
  for (const FreeBlock* block = chain; block != nullptr; block = block->older) ++accepted_;
  purge(chain, lock);
}

bool Purger::is_under_way_before(std::uint64_t number) const noexcept {
  for (const Batch* batch = under_way_; batch != nullptr; batch = batch->next) {
    if (batch->number < number) return true;
  }
  return false;
}

void Purger::wait_until_purged(Lock& lock) noexcept {
  // First all that is expected must be in a batch, whoever purges it.
  const std::uint64_t expected = expected_;
  while (accepted_ < expected) {
    handed_over_ != nullptr ? accept_handed_over(lock) : progress_.wait(lock);
  }
  const std::uint64_t next = next_number_;
  while (is_under_way_before(next)) progress_.wait(lock);
}

void Purger::remake_in_child() noexcept {
  under_way_ = nullptr;
  accepted_ = expected_;
  zerofill::remake_in_child(&progress_);
}

}  // namespace zerofill::blocks
