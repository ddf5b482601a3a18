#include "kernel/zero.h"

#include <cstring>

#include "base/align.h"
#include "kernel/stream_lines.h"

namespace zerofill::kernel {

// The C library picks the best variant for the processor at run time (rep stosb, AVX, DC ZVA, ...).
void zero_cached(void* destination, std::size_t bytes) noexcept {
  std::memset(destination, 0, bytes);
}

void zero_streaming(void* destination, std::size_t bytes) noexcept {
  auto* begin = static_cast<std::byte*>(destination);
  std::byte* end = begin + bytes;
  std::byte* first_line = align_up(begin, kLineBytes);
  if (first_line >= end) return zero_cached(destination, bytes);
  const std::size_t whole = align_down(static_cast<std::size_t>(end - first_line), kLineBytes);
  std::byte* last_line = first_line + whole;

  zero_cached(begin, static_cast<std::size_t>(first_line - begin));
  zero_cached(last_line, static_cast<std::size_t>(end - last_line));
  stream_lines(first_line, last_line);
}

}  // namespace zerofill::kernel
