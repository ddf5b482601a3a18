#include "blocks/purger.h"

#include <utility>

#include "base/immortal.h"

namespace zerofill::blocks {

std::size_t Purger::purge(FreeBlock* chain, Lock& lock) noexcept {
  if (chain == nullptr) return 0;
  std::size_t bytes = 0;
  lock.unlock();
  while (chain != nullptr) {
    FreeBlock* block = std::exchange(chain, chain->older);
    bytes += block->block->bytes;
    delete block;
  }
  lock.lock();
  returned_bytes_ += bytes;
  progress_.notify_all();
  return bytes;
}

void Purger::hand_over(FreeBlock* block) noexcept {
  block->older = std::exchange(handed_over_, block);
  progress_.notify_all();
}

void Purger::wait_until_purged(Lock& lock) noexcept {
  const std::size_t leaving = leaving_bytes_;
  while (returned_bytes_ < leaving) {
    if (FreeBlock* chain = std::exchange(handed_over_, nullptr)) {
      purge(chain, lock);
    } else {
      progress_.wait(lock);
    }
  }
}

void Purger::remake_in_child() noexcept {
  leaving_bytes_ = returned_bytes_;
  zerofill::remake_in_child(&progress_);
}

}  // namespace zerofill::blocks
