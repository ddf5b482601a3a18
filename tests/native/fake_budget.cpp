#include "fake_budget.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "base/counters.h"
#include "blocks/budget.h"
#include "os/limits.h"

namespace zerofill {
namespace {

std::atomic<std::size_t> available{test::kFakeTotal};
std::atomic<std::size_t> addresses{SIZE_MAX};
std::atomic<bool> is_readable{true};
std::atomic<int> reading_count{0};
std::atomic<std::uint64_t> returned_before{0};

}  // namespace

namespace test {

void set_available(std::size_t bytes) {
  std::this_thread::sleep_for(blocks::kRecentTime);  // what was read before has been forgotten
  available = bytes;
  returned_before = counters().returned.value();
}
int readings() { return reading_count; }
void set_addresses_left(std::size_t bytes) { addresses = bytes; }
void set_readable(bool readable) {
  std::this_thread::sleep_for(blocks::kRecentTime);
  is_readable = readable;
}

}  // namespace test

int os::read_memory_budget(MemoryBudget* budget) noexcept {
  ++reading_count;
  if (!is_readable) return ENOENT;
  budget->available_bytes = available + counters().returned.value() - returned_before;
  budget->total_bytes = test::kFakeTotal;
  std::snprintf(budget->source, sizeof budget->source, "a test");
  return 0;
}

std::size_t os::addresses_left() noexcept { return addresses; }

}  // namespace zerofill
