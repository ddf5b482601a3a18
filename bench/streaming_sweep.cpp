// Zeroes a resident block by cached and by streaming stores, and then uses it: from which size on
// are streaming stores faster? Two threads zero, one uses. Prints a line for each size, with the
// median microseconds of a cycle. Compiled with the kernel's own sources by bench/sweep.py.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "kernel/zero.h"

namespace {

using Zero = void (*)(void*, std::size_t) noexcept;

constexpr std::size_t kMiB = std::size_t{1} << 20;

void zero_on_two_threads(Zero zero, char* block, std::size_t bytes) {
  const std::size_t half = bytes / 2;
  std::thread other([=] { zero(block + half, bytes - half); });
  for (std::size_t done = 0; done < half; done += 2 * kMiB) {
    zero(block + done, std::min(2 * kMiB, half - done));
  }
  other.join();
}

void use(float* values, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) values[i] += 1;
}

double median_microseconds(Zero zero, char* block, std::size_t bytes) {
  std::vector<double> times;
  for (int round = 0; round < 21; ++round) {
    const auto start = std::chrono::steady_clock::now();
    zero_on_two_threads(zero, block, bytes);
    use(reinterpret_cast<float*>(block), bytes / sizeof(float));
    const std::chrono::duration<double, std::micro> elapsed =
        std::chrono::steady_clock::now() - start;
    times.push_back(elapsed.count());
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());
  return times[10];
}

}  // namespace

int main() {
  auto* block = static_cast<char*>(std::aligned_alloc(2 * kMiB, 1024 * kMiB));
  if (block == nullptr) return 1;
  std::memset(block, 1, 1024 * kMiB);
  std::printf("%10s%14s%14s\n", "size", "cached, us", "streaming, us");
  for (std::size_t bytes = 8 * kMiB; bytes <= 1024 * kMiB; bytes *= 2) {
    const double cached = median_microseconds(zerofill::kernel::zero_cached, block, bytes);
    const double streaming = median_microseconds(zerofill::kernel::zero_streaming, block, bytes);
    std::printf("%6zu MiB%14.0f%14.0f\n", bytes / kMiB, cached, streaming);
  }
  std::free(block);
}
