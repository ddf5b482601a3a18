// Contract: zeroing memory that is not contiguous.
#pragma once

#include <cstddef>

#include "team/team.h"

namespace zerofill::zeroing {

/// Runs of bytes at the strides of an array: a run is an element, or several that lie side by side.
struct StridedRange {
  static constexpr int kMaxDimensions = 64;
  std::byte* address;
  std::size_t run_bytes;  ///< at least 1
  int dimensions;
  std::ptrdiff_t lengths[kMaxDimensions];  ///< all at least 1, once classify() has said regular
  std::ptrdiff_t strides[kMaxDimensions];  ///< bytes, of any sign, 0 too
};

enum class Geometry {
  regular,
  empty,            ///< a length is 0: there is nothing to zero, whatever the strides are
  negative_length,  ///< a length is below 0
  too_large,  ///< the runs have more bytes than a size can say, or lie outside of all addresses
};

/// What kind of range it is. Lengths and strides that come from outside may be anything, so ask
/// this before any other function.
Geometry classify(const StridedRange& range) noexcept;

/// The bytes of all runs; where runs overlap, their bytes count more than once.
std::size_t count_bytes(const StridedRange& range) noexcept;

/// Changes the range to one of the same bytes that is quicker to go through: no dimension of length
/// 1 or stride 0, strides positive and falling, dimensions that continue each other coalesced (as
/// NumPy's iterator has it), and runs as long as the elements that lie side by side. With no
/// dimension left, it is one run.
void coalesce(StridedRange* range) noexcept;

/// Zeroes the runs, which may overlap, and leaves every other byte alone. Throws Interrupted when
/// the poll says stop; the range is then partly zeroed.
void zero_strided(StridedRange range, const team::Poll& poll);

}  // namespace zerofill::zeroing
