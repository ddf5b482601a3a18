// os/pages: mappings of fresh zeros at the alignment asked for.
#include "os/pages.h"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/align.h"
#include "bytes.h"
#include "check.h"

namespace {

using namespace zerofill;
using test::all_are;
using test::kDirty;
using test::kZero;

std::byte* map(std::size_t bytes, std::size_t alignment) {
  void* address = nullptr;
  CHECK(os::map_pages(bytes, alignment, "zerofill-test", &address) == 0);
  return static_cast<std::byte*>(address);
}

void unmap(std::byte* address, std::size_t bytes) { CHECK(os::unmap_pages(address, bytes) == 0); }

void sizes_of_pages_are_powers_of_two() {
  CHECK(is_power_of_two(os::page_bytes()));
  CHECK(os::huge_page_bytes() == 0 || is_power_of_two(os::huge_page_bytes()));
}

void the_policy_is_in_words() { CHECK(std::strlen(os::huge_page_policy()) > 0); }

void is_aligned(std::size_t bytes, std::size_t alignment) {
  std::byte* address = map(bytes, alignment);
  const auto value = reinterpret_cast<std::uintptr_t>(address);
  CHECK(value % alignment == 0);
  CHECK(value % os::page_bytes() == 0);
  unmap(address, bytes);
}

void every_alignment_up_to_1_GiB_is_met() {
  for (int power = 0; power <= 30; ++power) {
    is_aligned(os::page_bytes(), std::size_t{1} << power);
    is_aligned(3 * os::page_bytes(), std::size_t{1} << power);
    is_aligned(8 * MiB, std::size_t{1} << power);
  }
}

void fresh_pages_are_zero_and_writable() {
  std::byte* address = map(4 * MiB, 1);
  CHECK(all_are(kZero, address, 4 * MiB));
  test::make_dirty(address, 4 * MiB);
  CHECK(all_are(kDirty, address, 4 * MiB));
  unmap(address, 4 * MiB);
}

void a_used_address_is_zero_when_mapped_again() {
  for (int i = 0; i < 10; ++i) {
    std::byte* address = map(MiB, 1);
    CHECK(all_are(kZero, address, MiB));
    test::make_dirty(address, MiB);
    unmap(address, MiB);
  }
}

void populating_changes_no_byte() {
  std::byte* address = map(2 * MiB, 1);
  test::make_dirty(address, MiB);
  const int error = os::populate_pages(address, 2 * MiB);
  CHECK(error == 0 || error == ENOTSUP);
  CHECK(all_are(kDirty, address, MiB));
  CHECK(all_are(kZero, address + MiB, MiB));
  unmap(address, 2 * MiB);
}

void asking_for_huge_pages_changes_no_byte() {
  const std::size_t huge = os::huge_page_bytes();
  if (huge == 0) return;
  std::byte* address = map(2 * huge, huge);
  CHECK(os::advise_huge_pages(address, 2 * huge) == 0);
  CHECK(all_are(kZero, address, 2 * huge));
  unmap(address, 2 * huge);
}

/// Not so where the system does not say: then nothing is.
void pages_are_resident_once_they_are_written() {
  const std::size_t page = os::page_bytes();
  std::byte* address = map(5000 * page, 1);
  CHECK(os::advise_small_pages(address, 5000 * page) == 0);
  CHECK(!os::are_resident(address, 5000 * page));
  test::make_dirty(address, 4999 * page);
  CHECK(!os::are_resident(address, 5000 * page));
#ifdef __linux__
  CHECK(os::are_resident(address, 4999 * page));
  CHECK(!os::are_resident(address + 4999 * page, page));
#endif
  unmap(address, 5000 * page);
}

/// Where the system moves pages at all.
void pages_move_with_their_content(std::size_t from_bytes, std::size_t to_bytes) {
  std::byte* from = map(from_bytes, 2 * MiB);
  std::byte* to = map(to_bytes, 2 * MiB);
  test::make_dirty(from, from_bytes);
  const int error = os::move_pages(from, from_bytes, to, to_bytes);
  if (error == ENOTSUP) return unmap(from, from_bytes), unmap(to, to_bytes);
  CHECK(error == 0);
  const std::size_t kept = from_bytes < to_bytes ? from_bytes : to_bytes;
  CHECK(all_are(kDirty, to, kept));
  CHECK(all_are(kZero, to + kept, to_bytes - kept));
  CHECK(!os::are_resident(from, os::page_bytes()));
  unmap(to, to_bytes);
}

void too_much_is_refused_and_nothing_changed(std::size_t bytes, std::size_t alignment) {
  int here = 0;
  void* address = &here;
  CHECK(os::map_pages(bytes, alignment, "zerofill-test", &address) == ENOMEM);
  CHECK(address == &here);
}

}  // namespace

int main() {
  sizes_of_pages_are_powers_of_two();
  the_policy_is_in_words();
  every_alignment_up_to_1_GiB_is_met();
  fresh_pages_are_zero_and_writable();
  a_used_address_is_zero_when_mapped_again();
  populating_changes_no_byte();
  asking_for_huge_pages_changes_no_byte();
  pages_are_resident_once_they_are_written();
  pages_move_with_their_content(4 * MiB, 4 * MiB);
  pages_move_with_their_content(4 * MiB, 10 * MiB);
  pages_move_with_their_content(4 * MiB, os::page_bytes());
  too_much_is_refused_and_nothing_changed(std::size_t{1} << 62, 1);
  too_much_is_refused_and_nothing_changed(std::size_t{1} << 62, std::size_t{1} << 30);
  too_much_is_refused_and_nothing_changed(std::size_t{1} << 63, std::size_t{1} << 63);
  too_much_is_refused_and_nothing_changed(os::page_bytes(), std::size_t{1} << 63);
}
