#include "kernel/stream_lines.h"

namespace zerofill::kernel {

// STNP stores a pair of registers with the hint not to cache it. Cores may ignore the hint. Untried
// on real hardware.
void stream_lines(std::byte* begin, std::byte* end) noexcept {
  for (std::byte* line = begin; line != end; line += kLineBytes) {
    asm volatile(
        "movi v0.2d, #0\n"
        "stnp q0, q0, [%0]\n"
        "stnp q0, q0, [%0, #32]\n"
        :
        : "r"(line)
        : "v0", "memory");
  }
  asm volatile("dmb ishst" ::: "memory");
}

const char* streaming_instructions() noexcept { return "NEON (STNP)"; }

}  // namespace zerofill::kernel
