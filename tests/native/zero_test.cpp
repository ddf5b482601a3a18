// kernel/zero: exactly the bytes asked for become zero, wherever they start and end.
#include "kernel/zero.h"

#include <initializer_list>

#include "bytes.h"
#include "check.h"

namespace {

using namespace zerofill;
using test::all_are;
using test::kDirty;
using test::kZero;

using ZeroFunction = void (*)(void*, std::size_t) noexcept;

// Two cache lines of offsets and sizes meet every way in which a range can begin and end in one.
constexpr std::size_t kLastOffset = 130;
constexpr std::size_t kGuardBytes = 128;
constexpr std::size_t kMostBytes = 10000;
alignas(64) std::byte buffer[kLastOffset + kMostBytes + kGuardBytes];

void zeroes_only_its_bytes(ZeroFunction zero, std::size_t offset, std::size_t bytes) {
  test::make_dirty(buffer, offset + bytes + kGuardBytes);
  zero(buffer + offset, bytes);
  CHECK(all_are(kDirty, buffer, offset));
  CHECK(all_are(kZero, buffer + offset, bytes));
  CHECK(all_are(kDirty, buffer + offset + bytes, kGuardBytes));
}

void zeroes_at_every_offset(ZeroFunction zero, std::size_t bytes) {
  for (std::size_t offset = 0; offset <= kLastOffset; ++offset) {
    zeroes_only_its_bytes(zero, offset, bytes);
  }
}

void zeroes_every_size(ZeroFunction zero) {
  for (std::size_t bytes = 0; bytes <= 260; ++bytes) zeroes_at_every_offset(zero, bytes);
  for (std::size_t bytes : {511, 512, 513, 1000, 4095, 4096, 4097, 10000}) {
    zeroes_at_every_offset(zero, bytes);
  }
}

template <std::size_t bytes>
void small_zeroes_every_offset() {
  const auto zero = [](void* destination, std::size_t) noexcept {
    kernel::zero_small<bytes>(destination);
  };
  zeroes_at_every_offset(zero, bytes);
}

}  // namespace

int main() {
  zeroes_every_size(kernel::zero_cached);
  zeroes_every_size(kernel::zero_streaming);
  small_zeroes_every_offset<1>();
  small_zeroes_every_offset<2>();
  small_zeroes_every_offset<4>();
  small_zeroes_every_offset<8>();
  small_zeroes_every_offset<16>();
}
