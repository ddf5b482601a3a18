#include <immintrin.h>

#include "kernel/stream_lines.h"

namespace zerofill::kernel {
namespace {

// Lines go out through the write-combining buffers. Resident 1 GiB on one core of a Zen 4, GB/s: 58
// with 128-bit stores, 86 with 256, 86 with 512, 79 with CLZERO; `memset` in pieces 31. Where two
// cores already fill the memory's bandwidth, all are alike.

void stream_128(std::byte* line, std::byte* end) noexcept {
  const __m128i zero = _mm_setzero_si128();
  for (; line != end; line += kLineBytes) {
    auto* quarters = reinterpret_cast<__m128i*>(line);
    _mm_stream_si128(quarters + 0, zero);
    _mm_stream_si128(quarters + 1, zero);
    _mm_stream_si128(quarters + 2, zero);
    _mm_stream_si128(quarters + 3, zero);
  }
}

__attribute__((target("avx"))) void stream_256(std::byte* line, std::byte* end) noexcept {
  const __m256i zero = _mm256_setzero_si256();
  for (; line != end; line += kLineBytes) {
    auto* halves = reinterpret_cast<__m256i*>(line);
    _mm256_stream_si256(halves + 0, zero);
    _mm256_stream_si256(halves + 1, zero);
  }
}

// Asked as the library is loaded: no fork of another thread can come between.
const bool kHasAvx = __builtin_cpu_supports("avx") != 0;

}  // namespace

const char* streaming_instructions() noexcept {
  return kHasAvx ? "AVX, 256 bits" : "SSE2, 128 bits";
}

void stream_lines(std::byte* begin, std::byte* end) noexcept {
  kHasAvx ? stream_256(begin, end) : stream_128(begin, end);
  _mm_sfence();
}

}  // namespace zerofill::kernel
