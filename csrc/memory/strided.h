// Contract: zeroing memory that is not contiguous.
#pragma once

#include <cstddef>

#include "team/team.h"

namespace zerofill::memory {

/// Runs of bytes, addressed by an index for each dimension, as array libraries have them.
struct StridedRange {
  static constexpr int kMaxDimensions = 64;
  std::byte* address;
  std::size_t run_bytes;  ///< at least 1
  int dimensions;
  std::ptrdiff_t lengths[kMaxDimensions];  ///< all at least 1
  std::ptrdiff_t strides[kMaxDimensions];  ///< bytes, of any sign, 0 too
};

/// The bytes of all runs, those that overlap counted again.
std::size_t count_bytes(const StridedRange& range) noexcept;

/// Changes the range to one of the same bytes that is better to go through: no dimension of length
/// 1 or stride 0, strides positive and falling, dimensions that continue each other merged, and
/// runs as long as the elements that lie side by side. With no dimension left, it is one run.
void simplify(StridedRange* range) noexcept;

/// Zeroes the runs, which may overlap, and leaves every other byte alone. Throws Interrupted when
/// the poll stops it; the range is then partly done.
void zero_strided(StridedRange range, const team::Poll& poll);

}  // namespace zerofill::memory
