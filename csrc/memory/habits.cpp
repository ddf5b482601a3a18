#include "memory/habits.h"

#include <atomic>
#include <chrono>

#include "memory/options.h"
#include "memory/size_class.h"

namespace zerofill::memory {
namespace {

/// When zeros of each size were filled last, in seconds of a clock; 0 for never.
std::atomic<double> last_filled[kSizeClasses];

double now() noexcept {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

}  // namespace

void note_use_of_zeros(std::size_t bytes, bool all_written) noexcept {
  if (bytes > kMostPooledBytes) return;
  last_filled[size_class(bytes)].store(all_written ? now() : 0, std::memory_order_relaxed);
}

bool zeros_were_filled_lately(std::size_t bytes) noexcept {
  if (bytes > kMostPooledBytes) return false;
  const double last = last_filled[size_class(bytes)].load(std::memory_order_relaxed);
  return last != 0 && now() - last < options().decay.load(std::memory_order_relaxed);
}

}  // namespace zerofill::memory
