// The shortest times that this machine can reach, without zerofill, for zeroing resident memory and
// for making fresh huge pages resident. Called with a number of threads and sizes in bytes. Prints
// JSON: for each size, the seconds of the fastest of one and all threads, cached and streaming
// stores.
#ifdef __SSE2__
#include <immintrin.h>
#endif
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
constexpr std::size_t kLine = 64;
/// Zeroing fewer bytes than this is faster than starting a thread.
constexpr std::size_t kWorthThreads = std::size_t{4} << 20;
constexpr int kRounds = 9;

char* map_huge(std::size_t bytes) {
  auto* start = static_cast<char*>(
      mmap(nullptr, bytes + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (start == MAP_FAILED) std::abort();
  const auto address = reinterpret_cast<std::size_t>(start);
  char* aligned = start + ((kHuge - address % kHuge) % kHuge);
  madvise(aligned, bytes, MADV_HUGEPAGE);
  return aligned;
}

/// Seconds for work(start, bytes) over the whole range, in equal shares of whole `unit`s.
template <typename Work>
double seconds_on(int threads, std::size_t bytes, std::size_t unit, Work work) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> others;
  const auto count = static_cast<std::size_t>(threads);
  const std::size_t share = bytes / count / unit * unit;
  for (std::size_t i = 1; i < count; ++i) others.emplace_back(work, share * (i - 1), share);
  work(share * (count - 1), bytes - share * (count - 1));
  for (std::thread& other : others) other.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void stream(char* address, std::size_t bytes) {
#ifdef __AVX512F__
  const __m512i zero = _mm512_setzero_si512();
  for (std::size_t i = 0; i < bytes; i += 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(address + i), zero);
  }
  _mm_sfence();
#elif defined(__SSE2__)
  const __m128i zero = _mm_setzero_si128();
  for (std::size_t i = 0; i < bytes; i += 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(address + i), zero);
  }
  _mm_sfence();
#else
  std::memset(address, 0, bytes);  // no streaming stores that are known here
#endif
}

double best_resident(char* memory, std::size_t bytes, int threads, bool streaming) {
  const auto zero = [memory, streaming](std::size_t start, std::size_t share) {
    if (streaming) {
      stream(memory + start, share);
    } else {
      std::memset(memory + start, 0, share);
      asm volatile("" ::"r"(memory) : "memory");  // or the compiler drops repeated memsets
    }
  };
  const std::size_t times = std::max<std::size_t>(1, kHuge / bytes);  // in one reading of the clock
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    const auto repeat = [&](std::size_t start, std::size_t share) {
      for (std::size_t i = 0; i < times; ++i) zero(start, share);
    };
    best = std::min(best, seconds_on(threads, bytes, kLine, repeat) / static_cast<double>(times));
  }
  return best;
}

double best_resident(std::size_t bytes, int threads) {
  char* memory = map_huge(bytes);
  std::memset(memory, 1, bytes);
  double best = 1e9;
  for (const int count : {1, bytes >= kWorthThreads ? threads : 1}) {
    for (const bool streaming : {false, true}) {
      best = std::min(best, best_resident(memory, bytes, count, streaming));
    }
  }
  munmap(memory, bytes);
  return best;
}

double best_fresh(std::size_t bytes, int threads) {
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    char* memory = map_huge(bytes);
    const auto touch = [memory](std::size_t start, std::size_t share) {
      for (std::size_t i = 0; i < share; i += kHuge) {
        *static_cast<volatile char*>(memory + start + i) = 0;
      }
    };
    best = std::min(best, seconds_on(threads, bytes, kHuge, touch));
    munmap(memory, bytes);
  }
  return best;
}

void print(const char* name, const std::vector<std::size_t>& sizes, int threads,
           double (*measure)(std::size_t, int)) {
  std::printf("\"%s\": {", name);
  const char* separator = "";
  for (const std::size_t bytes : sizes) {
    std::printf("%s\"%zu\": %.9f", separator, bytes, measure(bytes, threads));
    separator = ", ";
  }
  std::printf("}");
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::max(1, std::atoi(arguments[1])) : 1;
  std::vector<std::size_t> sizes;
  for (int i = 2; i < count; ++i) sizes.push_back(std::strtoull(arguments[i], nullptr, 10));
  std::printf("{");
  print("resident", sizes, threads, best_resident);
  std::printf(", ");
  print("fresh", sizes, threads, best_fresh);
  std::printf("}\n");
}
