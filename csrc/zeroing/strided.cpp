#include "zeroing/strided.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/align.h"
#include "base/checked.h"
#include "base/counters.h"
#include "base/errors.h"
#include "kernel/zero.h"
#include "zeroing/plan.h"
#include "zeroing/zero_range.h"

namespace zerofill::zeroing {
namespace {

void remove(StridedRange* range, int dimension) noexcept {
  std::copy(range->lengths + dimension + 1, range->lengths + range->dimensions,
            range->lengths + dimension);
  std::copy(range->strides + dimension + 1, range->strides + range->dimensions,
            range->strides + dimension);
  --range->dimensions;
}

void remove_unit_dimensions(StridedRange* range) noexcept {
  for (int i = range->dimensions - 1; i >= 0; --i) {
    if (range->lengths[i] == 1 || range->strides[i] == 0) remove(range, i);
  }
}

void make_strides_positive(StridedRange* range) noexcept {
  for (int i = 0; i < range->dimensions; ++i) {
    if (range->strides[i] >= 0) continue;
    range->address += range->strides[i] * (range->lengths[i] - 1);
    range->strides[i] = -range->strides[i];
  }
}

void sort_by_stride(StridedRange* range) noexcept {
  for (int i = 1; i < range->dimensions; ++i) {
    for (int k = i; k > 0 && range->strides[k - 1] < range->strides[k]; --k) {
      std::swap(range->strides[k - 1], range->strides[k]);
      std::swap(range->lengths[k - 1], range->lengths[k]);
    }
  }
}

/// pre: the strides are positive and fall.
void merge_contiguous(StridedRange* range) noexcept {
  while (range->dimensions > 0 &&
         range->strides[range->dimensions - 1] == static_cast<std::ptrdiff_t>(range->run_bytes)) {
    range->run_bytes *= static_cast<std::size_t>(range->lengths[range->dimensions - 1]);
    --range->dimensions;
  }
  for (int i = range->dimensions - 2; i >= 0; --i) {
    if (range->strides[i] != range->strides[i + 1] * range->lengths[i + 1]) continue;
    range->lengths[i + 1] *= range->lengths[i];
    remove(range, i);
  }
}

/// Zeroes `count` runs of a size that the compiler knows, so that each becomes a store or two.
template <std::size_t bytes>
void zero_known_runs(std::byte* address, std::ptrdiff_t stride, std::size_t count) noexcept {
  for (; count > 0; --count, address += stride) kernel::zero_small<bytes>(address);
}

void zero_runs(std::byte* address, std::ptrdiff_t stride, std::size_t count,
               std::size_t run_bytes) noexcept {
  switch (run_bytes) {
    case 1:
      return zero_known_runs<1>(address, stride, count);
    case 2:
      return zero_known_runs<2>(address, stride, count);
    case 4:
      return zero_known_runs<4>(address, stride, count);
    case 8:
      return zero_known_runs<8>(address, stride, count);
    case 16:
      return zero_known_runs<16>(address, stride, count);
    default:
      for (; count > 0; --count, address += stride) kernel::zero_cached(address, run_bytes);
  }
}

/// The runs of a range as rows along its last dimension, cut into chunks. A chunk is several whole
/// rows, or a part of one where rows are long.
class Rows {
 public:
  Rows(const StridedRange& range, std::size_t chunk_bytes) noexcept : range_(range) {
    const int last = range.dimensions - 1;
    length_ = static_cast<std::size_t>(range.lengths[last]);
    for (int i = 0; i < last; ++i) rows_ *= static_cast<std::size_t>(range.lengths[i]);
    const std::size_t runs = std::max<std::size_t>(1, chunk_bytes / range.run_bytes);
    part_ = std::min(length_, runs);
    parts_ = ceil_divide(length_, part_);
    rows_at_once_ = std::max<std::size_t>(1, runs / length_);
  }

  std::size_t chunks() const noexcept { return ceil_divide(rows_, rows_at_once_) * parts_; }

  void zero_chunk(std::size_t chunk) const noexcept {
    const std::size_t first = (chunk % parts_) * part_;
    const std::size_t count = std::min(part_, length_ - first);
    const std::size_t first_row = (chunk / parts_) * rows_at_once_;
    const std::size_t end_row = std::min(rows_, first_row + rows_at_once_);
    const std::ptrdiff_t stride = range_.strides[range_.dimensions - 1];
    for (std::size_t row = first_row; row < end_row; ++row) {
      std::byte* start = row_address(row) + static_cast<std::ptrdiff_t>(first) * stride;
      zero_runs(start, stride, count, range_.run_bytes);
    }
  }

 private:
  std::byte* row_address(std::size_t row) const noexcept {
    std::byte* address = range_.address;
    for (int i = range_.dimensions - 2; i >= 0; --i) {
      const auto length = static_cast<std::size_t>(range_.lengths[i]);
      address += static_cast<std::ptrdiff_t>(row % length) * range_.strides[i];
      row /= length;
    }
    return address;
  }

  const StridedRange& range_;
  std::size_t rows_ = 1;
  std::size_t length_;        ///< runs in a row
  std::size_t part_;          ///< runs of a row in one chunk
  std::size_t parts_;         ///< chunks that a row is cut into
  std::size_t rows_at_once_;  ///< rows in one chunk
};

/// How far a range reaches below and above the address of its first run, and the bytes of all runs.
struct Extent {
  std::size_t below = 0;
  std::size_t above;
  std::size_t bytes;

  /// Adds a dimension; false when something overflows.
  bool add(std::size_t length, std::ptrdiff_t stride) noexcept {
    const auto magnitude = static_cast<std::size_t>(stride);
    const std::size_t step = stride < 0 ? std::size_t{0} - magnitude : magnitude;
    std::size_t reach;
    if (!checked_multiply(length - 1, step, &reach)) return false;
    std::size_t& side = stride < 0 ? below : above;
    return checked_add(side, reach, &side) && checked_multiply(bytes, length, &bytes);
  }
};

/// pre: no length is below 1.
bool fits_in_memory(const StridedRange& range) noexcept {
  constexpr auto kMaxBytes = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
  Extent extent{0, range.run_bytes, range.run_bytes};
  for (int i = 0; i < range.dimensions; ++i) {
    if (!extent.add(static_cast<std::size_t>(range.lengths[i]), range.strides[i])) return false;
  }
  const auto address = reinterpret_cast<std::uintptr_t>(range.address);
  std::size_t reach;  // no object is larger than a pointer difference can say
  return checked_add(extent.below, extent.above, &reach) && reach <= kMaxBytes &&
         extent.bytes <= kMaxBytes && extent.below <= address &&
         extent.above <= std::numeric_limits<std::uintptr_t>::max() - address;
}

/// Whether two runs may share a byte. pre: the range is coalesced.
bool may_overlap(const StridedRange& range) noexcept {
  auto extent = static_cast<std::ptrdiff_t>(range.run_bytes);
  for (int i = range.dimensions - 1; i >= 0; --i) {
    if (range.strides[i] < extent) return true;
    extent += range.strides[i] * (range.lengths[i] - 1);
  }
  return false;
}

}  // namespace

Geometry classify(const StridedRange& range) noexcept {
  const std::ptrdiff_t* end = range.lengths + range.dimensions;
  if (std::any_of(range.lengths, end, [](std::ptrdiff_t length) { return length < 0; })) {
    return Geometry::negative_length;
  }
  if (std::find(range.lengths, end, 0) != end) return Geometry::empty;
  return fits_in_memory(range) ? Geometry::regular : Geometry::too_large;
}

std::size_t count_bytes(const StridedRange& range) noexcept {
  std::size_t bytes = range.run_bytes;
  for (int i = 0; i < range.dimensions; ++i) bytes *= static_cast<std::size_t>(range.lengths[i]);
  return bytes;
}

void coalesce(StridedRange* range) noexcept {
  remove_unit_dimensions(range);
  make_strides_positive(range);
  sort_by_stride(range);
  merge_contiguous(range);
}

void zero_strided(StridedRange range, const team::Poll& poll) {
  coalesce(&range);
  if (range.dimensions == 0) return zero_range(range.address, range.run_bytes, poll);
  const std::size_t bytes = count_bytes(range);
  const Plan plan = plan_zeroing(bytes);
  const Rows rows(range, plan.chunk_bytes);
  auto chunk = [&rows](std::size_t index) { rows.zero_chunk(index); };
  const int threads =
      may_overlap(range) ? 1 : plan.threads;  // two threads writing to one byte are a data race
  if (!team::parallel_for(rows.chunks(), threads, poll, chunk)) throw Interrupted();
  counters().zeroed.add(bytes);
}

}  // namespace zerofill::zeroing
