// What this machine can do at best, without zerofill: zeroing 1 GiB that is resident, and making
// 1 GiB of fresh huge pages resident, on so many threads. Prints the best seconds of each as JSON.
#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kHuge = std::size_t{2} << 20;
constexpr std::size_t kBytes = std::size_t{1} << 30;

char* map_huge() {
  auto* start = static_cast<char*>(
      mmap(nullptr, kBytes + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (start == MAP_FAILED) std::abort();
  const auto address = reinterpret_cast<std::size_t>(start);
  char* aligned = start + ((kHuge - address % kHuge) % kHuge);
  madvise(aligned, kBytes, MADV_HUGEPAGE);
  return aligned;
}

template <typename Work>
double seconds_on(int threads, Work work) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  const std::size_t share = kBytes / static_cast<std::size_t>(threads) / kHuge * kHuge;
  for (int i = 1; i < threads; ++i) others.emplace_back(work, share * i, share);
  work(0, share);
  for (std::thread& other : others) other.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void stream(char* address, std::size_t bytes) {
#ifdef __AVX512F__
  const __m512i zero = _mm512_setzero_si512();
  for (std::size_t i = 0; i < bytes; i += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(address + i), zero);
  }
#else
  const __m128i zero = _mm_setzero_si128();
  for (std::size_t i = 0; i < bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(address + i), zero);
  }
#endif
  _mm_sfence();
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::max(1, std::atoi(arguments[1])) : 1;
  double resident = 1e9;
  double fresh = 1e9;
  for (int round = 0; round < 9; ++round) {
    char* memory = map_huge();
    fresh = std::min(fresh, seconds_on(threads, [memory](std::size_t from, std::size_t bytes) {
                       for (std::size_t i = 0; i < bytes; i += kHuge) {
                         *static_cast<volatile char*>(memory + from + i) = 0;
                       }
                     }));
    for (int way = 0; way < 2; ++way) {
      resident = std::min(resident,
                          seconds_on(threads, [memory, way](std::size_t from, std::size_t bytes) {
                            way == 0 ? stream(memory + from, bytes)
                                     : static_cast<void>(std::memset(memory + from, 0, bytes));
                          }));
    }
    munmap(memory, kBytes);
  }
  std::printf("{\"resident_seconds\": %.6f, \"fresh_seconds\": %.6f}\n", resident, fresh);
}
