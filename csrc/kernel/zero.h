// Contract: writing zeros.
//
// Nothing here can fail, take a lock or know of threads. The destination must be writable, and
// may have any alignment.
#pragma once

#include <cstddef>
#include <cstring>

namespace zerofill::kernel {

/// Zeroes through the caches and leaves the data warm there: for blocks that fit into them.
void zero_cached(void* destination, std::size_t bytes) noexcept;

/// Zeroes past the caches (non-temporal stores): for blocks far larger than they are. Fenced: on
/// return, the zeros are ordered before whatever the calling thread stores next.
void zero_streaming(void* destination, std::size_t bytes) noexcept;

/// Zeroes a few bytes. The compiler knows how many, so this is a store or two.
template <std::size_t bytes>
inline void zero_small(void* destination) noexcept {
  std::memset(destination, 0, bytes);
}

}  // namespace zerofill::kernel
