// blocks/prefault under Commit::background: threads make the pages of a block while it is in use,
// and whoever writes to it, frees it, protects it or forks meanwhile sees nothing of that.
#include "blocks/prefault.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/errors.h"
#include "base/options.h"
#include "base/units.h"
#include "bytes.h"
#include "check.h"
#include "child.h"
#include "gained.h"
#include "os/pages.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using test::all_are;
using test::kZero;

// Sanitizers look at every byte, which takes them fifty times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kPart = 6;
#else
constexpr int kPart = 1;
#endif

constexpr std::size_t kBytes = 36 * MiB + 12345;

alloc::Allocation zeros(std::size_t bytes = kBytes) {
  return alloc::acquire({bytes, 64, alloc::Commit::background}, {});
}

std::size_t missing(const alloc::Allocation& made) {
  return os::missing_bytes(made.block().address, made.block().bytes);
}

/// Linux before 5.14 has no way to make pages that others write meanwhile: they stay lazy there.
bool can_populate() {
  void* address = nullptr;
  CHECK(os::map_pages(MiB, 1, "zerofill-test", &address) == 0);
  const int error = os::populate_pages(address, MiB);
  CHECK(error == 0 || error == ENOTSUP);
  CHECK(os::unmap_pages(address, MiB) == 0);
  return error == 0;
}

void all_pages_appear_without_a_touch() {
  alloc::trim();
  const test::Gained gained;
  alloc::Allocation made = zeros();
  CHECK(gained.misses() == 1 && gained.zeroed() == 0);
  for (int waited = 0; missing(made) != 0; ++waited) {
    CHECK(waited < 60'000);
    os::sleep_microseconds(1000);
  }
  CHECK(all_are(kZero, made.data(), kBytes));
  made.release();
  CHECK(gained.returned() == 0);
  const auto again = zeros();  // out of the pool: zeroed before, as eager memory is
  CHECK(gained.misses() == 1 && missing(again) == 0);
  CHECK(all_are(kZero, again.data(), kBytes));
}

void what_is_written_meanwhile_stays() {
  for (int turn = 0; turn < 12 / kPart; ++turn) {
    alloc::trim();
    const auto made = zeros();
    for (std::size_t start = 0; start < kBytes; start += 4096) {
      const std::size_t bytes = start + 4096 < kBytes ? 4096 : kBytes - start;
      CHECK(all_are(kZero, made.data() + start, bytes));
      std::memset(made.data() + start, static_cast<int>(start / 4096 % 251), bytes);
    }
    for (std::size_t start = 0; start < kBytes; start += 4096) {
      CHECK(made.data()[start] == static_cast<std::byte>(start / 4096 % 251));
    }
  }
}

void it_is_freed_in_the_middle() {
  for (unsigned turn = 0; turn < 60 / kPart; ++turn) {
    if (turn % 2 == 0) alloc::trim();
    auto made = zeros();
    os::sleep_microseconds(turn * kPart * 100);
    if (turn % 3 == 0) std::memset(made.data(), 1, kBytes);
    made.release();
    const auto eager = alloc::acquire({kBytes, 64, alloc::Commit::eager}, {});
    CHECK(all_are(kZero, eager.data(), kBytes));
    test::make_dirty(eager.data(), kBytes);
  }
}

void threads_make_and_free() {
  std::vector<std::thread> threads;
  for (int number = 0; number < 3; ++number) threads.emplace_back(it_is_freed_in_the_middle);
  for (std::thread& thread : threads) thread.join();
}

void protected_pages_are_left_alone() {
  alloc::trim();
  const auto made = zeros();
  const blocks::Block& block = made.block();
  CHECK(mprotect(block.address, block.bytes, PROT_READ) == 0);
  os::sleep_microseconds(50'000);
  CHECK(mprotect(block.address, block.bytes, PROT_READ | PROT_WRITE) == 0);
  CHECK(all_are(kZero, made.data(), kBytes));
}

void a_fork_ends_it() {
  alloc::trim();
  const auto made = zeros();
  made.data()[0] = std::byte{7};
  const auto is_right = [&] {
    return made.data()[0] == std::byte{7} && all_are(kZero, made.data() + 1, kBytes - 1);
  };
  CHECK(test::holds_in_child([&] {
    if (!is_right()) return false;
    test::make_dirty(made.data(), kBytes);
    const auto another = zeros();
    return all_are(kZero, another.data(), kBytes);
  }));
  CHECK(is_right());
}

void one_thread_makes_it_eager() {
  alloc::trim();
  options().num_threads = 1;
  const auto made = zeros();
  CHECK(missing(made) == 0);
  options().num_threads = 2;
}

void too_much_is_refused() {
  for (const std::size_t bytes : {std::size_t{1} << 46, std::size_t{1} << 63, ~std::size_t{0}}) {
    CHECK(test::throws<OutOfMemory>([bytes] { zeros(bytes); }));
  }
}

}  // namespace

int main() {
  options().num_threads = 2;  // on one CPU too
  if (can_populate()) all_pages_appear_without_a_touch();
  what_is_written_meanwhile_stays();
  it_is_freed_in_the_middle();
  threads_make_and_free();
  protected_pages_are_left_alone();
  a_fork_ends_it();
  one_thread_makes_it_eager();
  too_much_is_refused();
}
