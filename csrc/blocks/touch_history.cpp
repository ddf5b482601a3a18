#include "blocks/touch_history.h"

#include <atomic>

#include "base/clock.h"
#include "base/options.h"
#include "blocks/size_class.h"

namespace zerofill::blocks::touch_history {
namespace {

constexpr Clock::rep kNever = 0;

/// When zeros of each size class were filled last, as a time of the clock.
std::atomic<Clock::rep> last_filled[kSizeClasses];

Clock::rep now() noexcept { return Clock::now().time_since_epoch().count(); }

}  // namespace

void record(std::size_t bytes, bool all_written) noexcept {
  if (bytes > kMaxPooledBytes) return;
  last_filled[size_class(bytes)].store(all_written ? now() : kNever, std::memory_order_relaxed);
}

bool predicts_full_touch(std::size_t bytes) noexcept {
  if (bytes > kMaxPooledBytes) return false;
  const Clock::rep last = last_filled[size_class(bytes)].load(std::memory_order_relaxed);
  return last != kNever && now() - last < decay_time().count();
}

}  // namespace zerofill::blocks::touch_history
