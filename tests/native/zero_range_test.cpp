// zeroing/zero_range: a range becomes zero whichever way the plan goes through it, and counts once.
#include "zeroing/zero_range.h"

#include <initializer_list>
#include <memory>

#include "base/align.h"
#include "base/options.h"
#include "base/units.h"
#include "bytes.h"
#include "check.h"
#include "gained.h"

namespace {

using namespace zerofill;
using test::all_are;
using test::kDirty;
using test::kZero;

constexpr std::size_t kGuardBytes = 4096;
// From 128 MiB on, the plan streams whatever the caches are.
constexpr std::size_t kMostBytes = 129 * MiB + 5;

void zeroes_only_its_bytes(std::byte* buffer, std::size_t bytes) {
  test::make_dirty(buffer, kGuardBytes + bytes + kGuardBytes);
  const test::Gained gained;
  zeroing::zero_range(buffer + kGuardBytes, bytes, {});
  CHECK(all_are(kDirty, buffer, kGuardBytes));
  CHECK(all_are(kZero, buffer + kGuardBytes, bytes));
  CHECK(all_are(kDirty, buffer + kGuardBytes + bytes, kGuardBytes));
  CHECK(gained.zeroed() == bytes);
}

}  // namespace

int main() {
  const auto buffer = std::make_unique<std::byte[]>(kGuardBytes + kMostBytes + kGuardBytes);
  for (int threads : {1, 4}) {
    options().num_threads.store(threads);
    for (std::size_t bytes : {std::size_t{1}, std::size_t{4097}, 512 * KiB + 1, 4 * MiB - 1,
                              4 * MiB, 8 * MiB + 1, kMostBytes}) {
      zeroes_only_its_bytes(buffer.get(), bytes);
    }
  }
}
