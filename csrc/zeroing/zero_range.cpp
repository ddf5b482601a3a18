#include "zeroing/zero_range.h"

#include "base/counters.h"
#include "kernel/zero.h"
#include "zeroing/chunks.h"

namespace zerofill::zeroing {

void zero_chunk(std::byte* address, std::size_t bytes, const Plan& plan) noexcept {
  if (plan.streaming) {
    kernel::zero_streaming(address, bytes);
  } else {
    kernel::zero_cached(address, bytes);
  }
}

void zero_range(std::byte* address, std::size_t bytes, const team::Poll& poll) {
  const Plan plan = plan_zeroing(bytes);
  for_each_chunk(bytes, plan, poll, [&](std::size_t start, std::size_t chunk) {
    zero_chunk(address + start, chunk, plan);
  });
  counters().zeroed.add(bytes);
}

}  // namespace zerofill::zeroing
