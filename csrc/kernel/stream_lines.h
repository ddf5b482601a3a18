// Contract: writing whole cache lines of zeros past the caches. One source file an architecture.
// For kernel/ alone, but for the name.
#pragma once

#include <cstddef>

namespace zerofill::kernel {

constexpr std::size_t kLineBytes = 64;

/// pre: both are multiples of kLineBytes, and begin <= end. Fenced: on return the zeros are ordered
/// before whatever the calling thread stores next.
void stream_lines(std::byte* begin, std::byte* end) noexcept;

/// With what, for a person to read.
const char* streaming_instructions() noexcept;

}  // namespace zerofill::kernel
