// base/: rounding and checked arithmetic, up to the largest sizes there are.
#include "base/align.h"

#include "base/checked.h"
#include "check.h"

namespace {

using namespace zerofill;

constexpr std::size_t kMax = 0xFFFFFFFFFFFFFFFF;
constexpr std::size_t kHalf = std::size_t{1} << 63;

void powers_of_two_are_known() {
  CHECK(!is_power_of_two(0));
  CHECK(is_power_of_two(1));
  CHECK(is_power_of_two(2));
  CHECK(!is_power_of_two(3));
  CHECK(is_power_of_two(kHalf));
  CHECK(!is_power_of_two(kMax));
}

void sizes_are_aligned_up() {
  CHECK(align_up(std::size_t{0}, 64) == 0);
  CHECK(align_up(std::size_t{1}, 64) == 64);
  CHECK(align_up(std::size_t{64}, 64) == 64);
  CHECK(align_up(std::size_t{65}, 64) == 128);
  CHECK(align_up(kMax, 1) == kMax);
  CHECK(align_up(kMax - 4095, 4096) == kMax - 4095);
  CHECK(align_up(std::size_t{1}, kHalf) == kHalf);
}

void sizes_are_aligned_down() {
  CHECK(align_down(0, 64) == 0);
  CHECK(align_down(63, 64) == 0);
  CHECK(align_down(64, 64) == 64);
  CHECK(align_down(127, 64) == 64);
  CHECK(align_down(kMax, 1) == kMax);
  CHECK(align_down(kMax, 4096) == kMax - 4095);
  CHECK(align_down(kMax, kHalf) == kHalf);
}

void addresses_are_aligned_up() {
  alignas(64) std::byte bytes[192];
  CHECK(align_up(bytes, 64) == bytes);
  CHECK(align_up(bytes + 1, 64) == bytes + 64);
  CHECK(align_up(bytes + 64, 64) == bytes + 64);
  CHECK(align_up(bytes + 65, 64) == bytes + 128);
  CHECK(align_up(bytes + 65, 1) == bytes + 65);
}

void division_rounds_up() {
  CHECK(ceil_divide(0, 7) == 0);
  CHECK(ceil_divide(1, 7) == 1);
  CHECK(ceil_divide(7, 7) == 1);
  CHECK(ceil_divide(8, 7) == 2);
  CHECK(ceil_divide(kMax, 1) == kMax);
  CHECK(ceil_divide(kMax, 2) == kHalf);
  CHECK(ceil_divide(kMax, kMax) == 1);
}

void products_that_fit_are_written() {
  std::size_t product = 5;
  CHECK(checked_multiply(0xFFFFFFFF, 0x100000001, &product) && product == kMax);
  CHECK(checked_multiply(kMax, 1, &product) && product == kMax);
  CHECK(checked_multiply(kMax, 0, &product) && product == 0);
  CHECK(checked_multiply(3, 4, &product) && product == 12);
  CHECK(checked_multiply(0, kMax, &product) && product == 0);
}

void products_that_do_not_fit_leave_the_result() {
  std::size_t product = 5;
  CHECK(!checked_multiply(0x100000000, 0x100000000, &product));
  CHECK(!checked_multiply(kHalf, 2, &product));
  CHECK(!checked_multiply(2, kHalf, &product));
  CHECK(!checked_multiply(kMax, kMax, &product));
  CHECK(product == 5);
}

void sums_that_fit_are_written() {
  std::size_t sum = 5;
  CHECK(checked_add(2, 3, &sum) && sum == 5);
  CHECK(checked_add(kMax, 0, &sum) && sum == kMax);
  CHECK(checked_add(0, 0, &sum) && sum == 0);
  CHECK(checked_add(kHalf, kHalf - 1, &sum) && sum == kMax);
}

void sums_that_do_not_fit_leave_the_result() {
  std::size_t sum = 5;
  CHECK(!checked_add(kMax, 1, &sum));
  CHECK(!checked_add(1, kMax, &sum));
  CHECK(!checked_add(kHalf, kHalf, &sum));
  CHECK(sum == 5);
}

}  // namespace

int main() {
  powers_of_two_are_known();
  sizes_are_aligned_up();
  sizes_are_aligned_down();
  addresses_are_aligned_up();
  division_rounds_up();
  products_that_fit_are_written();
  products_that_do_not_fit_leave_the_result();
  sums_that_fit_are_written();
  sums_that_do_not_fit_leave_the_result();
}
