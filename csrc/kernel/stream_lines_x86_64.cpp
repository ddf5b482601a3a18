#include <immintrin.h>

#include "kernel/stream_lines.h"

namespace zerofill::kernel {
namespace {

// Non-temporal stores leave through the write-combining buffers. On one core of a Zen 4 they zero
// resident memory of 1 GiB at 58 GB/s with 128 bits, 86 with 256 or 512, and 79 with CLZERO;
// memset(3) in pieces reaches 31. Where two cores fill the memory's bandwidth, all are alike.

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

// At load time: base/immortal.h.
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
