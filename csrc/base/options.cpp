#include "base/options.h"

#include <algorithm>

namespace zerofill {
namespace {

Options instance;

}  // namespace

Options& options() noexcept { return instance; }

Clock::duration decay_time() noexcept {
  constexpr double kYear = 365.0 * 24 * 3600;  // the clock's count overflows at 292 years
  const double seconds = options().decay.load(std::memory_order_relaxed);
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::min(seconds, kYear)));
}

}  // namespace zerofill
