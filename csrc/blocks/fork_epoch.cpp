#include "blocks/fork_epoch.h"

#include <atomic>

namespace zerofill::blocks {
namespace {

std::atomic<unsigned> epoch{0};

}  // namespace

unsigned fork_epoch() noexcept { return epoch.load(std::memory_order_relaxed); }

void begin_fork_epoch() noexcept { epoch.fetch_add(1); }

}  // namespace zerofill::blocks
