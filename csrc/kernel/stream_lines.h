// Contract: writing whole cache lines of zeros past the caches. One source file for each
// architecture. zero.h is for the other folders; of this header they use only
// streaming_instructions(), which `zerofill info` prints.
#pragma once

#include <cstddef>

namespace zerofill::kernel {

constexpr std::size_t kLineBytes = 64;

/// pre: both are multiples of kLineBytes, and begin <= end. Fenced: on return the zeros are ordered
/// before what the calling thread stores next.
void stream_lines(std::byte* begin, std::byte* end) noexcept;

/// The instructions that it uses, for people.
const char* streaming_instructions() noexcept;

}  // namespace zerofill::kernel
