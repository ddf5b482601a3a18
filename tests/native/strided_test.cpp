// zeroing/strided: the bytes of the runs become zero and no other, whatever the shape.
#include "zeroing/strided.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <random>
#include <vector>

#include "base/errors.h"
#include "base/options.h"
#include "base/units.h"
#include "bytes.h"
#include "check.h"
#include "gained.h"

namespace {

using namespace zerofill;
using test::kDirty;
using test::kZero;
using zeroing::StridedRange;

using Bytes = std::vector<std::byte>;

struct Dimension {
  std::ptrdiff_t length;
  std::ptrdiff_t stride;
  bool operator==(const Dimension& other) const {
    return length == other.length && stride == other.stride;
  }
};

StridedRange range_of(std::byte* address, std::size_t run_bytes,
                      const std::vector<Dimension>& dimensions) {
  StridedRange range{address, run_bytes, 0, {}, {}};
  for (const Dimension& dimension : dimensions) {
    range.lengths[range.dimensions] = dimension.length;
    range.strides[range.dimensions] = dimension.stride;
    ++range.dimensions;
  }
  return range;
}

std::vector<Dimension> dimensions_of(const StridedRange& range) {
  std::vector<Dimension> dimensions;
  for (int i = 0; i < range.dimensions; ++i) {
    dimensions.push_back({range.lengths[i], range.strides[i]});
  }
  return dimensions;
}

/// The definition: one loop within the other, one byte at a time.
void zero_naively(const StridedRange& range, std::byte* address, int dimension = 0) {
  if (dimension == range.dimensions) {
    for (std::size_t i = 0; i < range.run_bytes; ++i) address[i] = kZero;
    return;
  }
  for (std::ptrdiff_t i = 0; i < range.lengths[dimension]; ++i) {
    zero_naively(range, address + i * range.strides[dimension], dimension + 1);
  }
}

// simplify
// -----------------------------------------------------------------------------------------

std::byte origin[64];

/// Checks what simplify makes of runs of 8 bytes.
void becomes(const std::vector<Dimension>& before, std::size_t run_bytes,
             const std::vector<Dimension>& after, std::ptrdiff_t moved_by = 0) {
  StridedRange range = range_of(origin + 32, 8, before);
  zeroing::coalesce(&range);
  CHECK(range.run_bytes == run_bytes);
  CHECK(dimensions_of(range) == after);
  CHECK(range.address == origin + 32 + moved_by);
}

void simplify_drops_repetitions() {
  becomes({}, 8, {});
  becomes({{1, 100}}, 8, {});
  becomes({{5, 0}}, 8, {});
  becomes({{1, -3}, {4, 32}, {7, 0}}, 8, {{4, 32}});
}

void simplify_merges_what_is_contiguous() {
  becomes({{10, 8}}, 80, {});
  becomes({{3, 80}, {10, 8}}, 240, {});
  becomes({{2, 240}, {3, 80}, {10, 8}}, 480, {});
}

void simplify_merges_dimensions_that_continue_each_other() {
  becomes({{3, 160}, {10, 16}}, 8, {{30, 16}});
  becomes({{2, 1000}, {3, 160}, {10, 16}}, 8, {{2, 1000}, {30, 16}});
  becomes({{2, 480}, {3, 160}, {10, 8}}, 80, {{6, 160}});
}

void simplify_leaves_gaps() {
  becomes({{3, 100}, {10, 8}}, 80, {{3, 100}});
  becomes({{10, 9}}, 8, {{10, 9}});
}

void simplify_sorts_by_stride() {
  becomes({{10, 8}, {3, 80}}, 240, {});
  becomes({{2, 16}, {3, 1000}, {4, 100}}, 8, {{3, 1000}, {4, 100}, {2, 16}});
}

void simplify_turns_negative_strides_round() {
  becomes({{3, -8}}, 24, {}, -16);
  becomes({{3, -10}, {2, 100}}, 8, {{2, 100}, {3, 10}}, -20);
}

void simplify_leaves_overlaps() {
  becomes({{3, 4}}, 8, {{3, 4}});
  becomes({{3, 8}, {5, 8}}, 40, {{3, 8}});
}

// zero_strided
// -------------------------------------------------------------------------------------

/// The bytes that a range reaches before and behind its address.
struct Reach {
  std::ptrdiff_t before = 0;
  std::ptrdiff_t behind = 0;
};

Reach reach_of(std::size_t run_bytes, const std::vector<Dimension>& dimensions) {
  Reach reach{0, static_cast<std::ptrdiff_t>(run_bytes)};
  for (const Dimension& dimension : dimensions) {
    const std::ptrdiff_t extent = dimension.stride * (dimension.length - 1);
    reach.before += std::max<std::ptrdiff_t>(-extent, 0);
    reach.behind += std::max<std::ptrdiff_t>(extent, 0);
  }
  return reach;
}

constexpr std::ptrdiff_t kGuardBytes = 64;

void zeroes_as_the_naive_loop(std::size_t run_bytes, const std::vector<Dimension>& dimensions) {
  const Reach reach = reach_of(run_bytes, dimensions);
  const std::ptrdiff_t start = kGuardBytes + reach.before;
  Bytes actual(static_cast<std::size_t>(start + reach.behind + kGuardBytes), kDirty);
  Bytes expected = actual;
  zero_naively(range_of(expected.data(), run_bytes, dimensions), expected.data() + start);
  zeroing::zero_strided(range_of(actual.data() + start, run_bytes, dimensions), {});
  CHECK(actual == expected);
}

class RandomShapes {
 public:
  std::ptrdiff_t between(std::ptrdiff_t least, std::ptrdiff_t most) {
    return least + static_cast<std::ptrdiff_t>(engine_() % static_cast<unsigned>(most - least + 1));
  }

  /// Small steps make overlaps, larger ones gaps; both signs, and zero.
  std::vector<Dimension> dimensions() {
    std::vector<Dimension> result(static_cast<std::size_t>(between(0, 4)));
    for (Dimension& dimension : result) dimension = {between(1, 6), between(-40, 40)};
    return result;
  }

  /// A contiguous array of runs with axes in any order and direction, some of it cut away by steps.
  std::vector<Dimension> sliced_array(std::size_t run_bytes) {
    std::vector<Dimension> result(static_cast<std::size_t>(between(1, 4)));
    auto stride = static_cast<std::ptrdiff_t>(run_bytes);
    for (Dimension& dimension : result) {
      const std::ptrdiff_t step = between(0, 3) == 0 ? 2 : 1;
      dimension = {between(1, 6), between(0, 1) == 0 ? stride * step : -stride * step};
      stride *= step * dimension.length;
    }
    std::shuffle(result.begin(), result.end(), engine_);
    return result;
  }

 private:
  std::mt19937 engine_{20240229};  // the same shapes in every run
};

void random_shapes_are_zeroed() {
  RandomShapes random;
  for (int round = 0; round < 300; ++round) {
    for (std::size_t run_bytes : {1, 2, 3, 4, 8, 12, 16, 17}) {
      zeroes_as_the_naive_loop(run_bytes, random.dimensions());
      zeroes_as_the_naive_loop(run_bytes, random.sliced_array(run_bytes));
    }
  }
}

/// From 4 MiB on, several threads share the rows, cut into chunks.
void large_shapes_are_zeroed() {
  zeroes_as_the_naive_loop(8, {{600000, 16}});
  zeroes_as_the_naive_loop(8, {{3, -4000000}, {200001, 16}});
  zeroes_as_the_naive_loop(3, {{1000, 10600}, {499, -7}, {3, 3500}});
  zeroes_as_the_naive_loop(3000000, {{2, 3000001}});
}

void the_most_dimensions_are_zeroed() {
  std::vector<Dimension> dimensions(StridedRange::kMaxDimensions, {1, 7});
  dimensions[0] = {2, 30};
  dimensions[63] = {3, 5};
  zeroes_as_the_naive_loop(2, dimensions);
}

void the_bytes_written_are_counted(const std::vector<Dimension>& dimensions, std::uint64_t bytes) {
  Bytes buffer(4000);
  const test::Gained gained;
  zeroing::zero_strided(range_of(buffer.data(), 8, dimensions), {});
  CHECK(gained.zeroed() == bytes);
}

/// 4 GiB of overlapping runs in 128 KiB of memory: long enough for the poll to be asked.
void a_poll_that_says_stop_interrupts() {
  Bytes buffer(std::size_t{1} << 17);
  const StridedRange range = range_of(buffer.data(), 1, {{1 << 16, 1}, {1 << 16, 1}});
  const team::Poll stop{[](void*) { return true; }, nullptr};
  const test::Gained gained;
  CHECK(test::throws<Interrupted>([&] { zeroing::zero_strided(range, stop); }));
  CHECK(gained.zeroed() == 0);
}

/// A range of runs of 4 bytes at a high address, of these lengths and strides.
zeroing::Geometry geometry(std::initializer_list<std::ptrdiff_t> lengths,
                           std::initializer_list<std::ptrdiff_t> strides) {
  zeroing::StridedRange range{};
  range.address = reinterpret_cast<std::byte*>(std::uintptr_t{1} << 46);
  range.run_bytes = 4;
  range.dimensions = static_cast<int>(lengths.size());
  std::copy(lengths.begin(), lengths.end(), range.lengths);
  std::copy(strides.begin(), strides.end(), range.strides);
  return zeroing::classify(range);
}

void ranges_that_cannot_be_are_told() {
  using zeroing::Geometry;
  constexpr std::ptrdiff_t least = std::numeric_limits<std::ptrdiff_t>::min();
  constexpr std::ptrdiff_t most = std::numeric_limits<std::ptrdiff_t>::max();
  CHECK(geometry({}, {}) == Geometry::regular);
  CHECK(geometry({3, 5}, {-20, 4}) == Geometry::regular);
  CHECK(geometry({2}, {-(std::ptrdiff_t{1} << 46)}) == Geometry::regular);
  CHECK(geometry({2}, {-(std::ptrdiff_t{1} << 46) - 1}) == Geometry::too_large);
  CHECK(geometry({0, 5}, {least, most}) == Geometry::empty);
  CHECK(geometry({-1}, {4}) == Geometry::negative_length);
  CHECK(geometry({0, -1}, {4, 4}) == Geometry::negative_length);
  CHECK(geometry({least}, {0}) == Geometry::negative_length);
  CHECK(geometry({most}, {0}) == Geometry::too_large);
  CHECK(geometry({1 << 30, 1 << 30, 1 << 30}, {0, 0, 0}) == Geometry::too_large);
  CHECK(geometry({3}, {most}) == Geometry::too_large);
  CHECK(geometry({2}, {least}) == Geometry::too_large);
  CHECK(geometry({2, 2, 2}, {most, most, most}) == Geometry::too_large);
}

}  // namespace

int main() {
  ranges_that_cannot_be_are_told();
  simplify_drops_repetitions();
  simplify_merges_what_is_contiguous();
  simplify_merges_dimensions_that_continue_each_other();
  simplify_leaves_gaps();
  simplify_sorts_by_stride();
  simplify_turns_negative_strides_round();
  simplify_leaves_overlaps();

  random_shapes_are_zeroed();
  options().num_threads.store(4);
  large_shapes_are_zeroed();
  the_most_dimensions_are_zeroed();
  the_bytes_written_are_counted({{10, 8}}, 80);
  the_bytes_written_are_counted({{10, 100}, {3, 16}, {5, 0}}, 240);
  options().num_threads.store(1);
  a_poll_that_says_stop_interrupts();
}
