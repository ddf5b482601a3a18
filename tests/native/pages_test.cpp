// os/pages: mappings of fresh zeros at the alignment asked for.
#include "os/pages.h"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/align.h"
#include "base/units.h"
#include "bytes.h"
#include "check.h"
#ifdef __linux__
#include <sys/mman.h>

#include "child.h"
#endif

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

/// Where the system says so; else nothing is.
void pages_are_written_once_they_are_and_not_when_they_are_read() {
  const std::size_t page = os::page_bytes();
  std::byte* address = map(5000 * page, 1);
  CHECK(os::advise_no_huge_pages(address, 5000 * page) == 0);
  CHECK(!os::are_private_resident(address, 5000 * page));
  test::make_dirty(address, 4999 * page);
  CHECK(all_are(kZero, address + 4999 * page, page));
#ifdef __linux__
  CHECK(!os::are_private_resident(address, 5000 * page));
  CHECK(os::are_private_resident(address, 4999 * page));
  CHECK(!os::are_private_resident(address + 4999 * page, page));
#endif
  unmap(address, 5000 * page);
}

void a_shorter_mapping_keeps_its_start() {
  std::byte* address = map(4 * MiB, 1);
  test::make_dirty(address, 4 * MiB);
  CHECK(os::shrink_pages(address, 4 * MiB, MiB) == 0);
  CHECK(all_are(kDirty, address, MiB));
  unmap(address, MiB);
}

/// Where the system does so at all, and nothing is in the way.
void a_longer_mapping_keeps_its_start() {
  std::byte* address = map(4 * MiB, 1);
  test::make_dirty(address, 4 * MiB);
#ifdef __linux__
  CHECK(os::shrink_pages(address, 4 * MiB, MiB) == 0);  // so that nothing is
  const int error = os::grow_pages(address, MiB, 4 * MiB);
  CHECK(error == 0);
  CHECK(all_are(kDirty, address, MiB));
  CHECK(all_are(kZero, address + MiB, 3 * MiB));
#else
  CHECK(os::grow_pages(address, 4 * MiB, 5 * MiB) == ENOTSUP);
#endif
  unmap(address, 4 * MiB);
}

/// Where the system moves pages at all.
void pages_move_with_their_content() {
  std::byte* from = map(4 * MiB, 2 * MiB);
  std::byte* to = map(10 * MiB, 2 * MiB);
  test::make_dirty(from, 4 * MiB);
  bool is_lost = false;
  const int error = os::remap_pages(from, 4 * MiB, to, 10 * MiB, &is_lost);
  if (error == ENOTSUP) return unmap(from, 4 * MiB), unmap(to, 10 * MiB);
  CHECK(error == 0);
  CHECK(all_are(kDirty, to, 4 * MiB));
  CHECK(all_are(kZero, to + 4 * MiB, 6 * MiB));
  CHECK(!os::are_private_resident(from, os::page_bytes()));
  unmap(to, 10 * MiB);
}

void too_much_is_refused_and_nothing_changed(std::size_t bytes, std::size_t alignment) {
  int here = 0;
  void* address = &here;
  CHECK(os::map_pages(bytes, alignment, "zerofill-test", &address) == ENOMEM);
  CHECK(address == &here);
}

/// Nothing runs short here, so nothing is taken.
void lazily_freed_pages_are_there_until_memory_runs_short() {
  std::byte* address = map(8 * MiB, 1);
  test::make_dirty(address, 8 * MiB);
  const int error = os::free_pages_lazily(address, 8 * MiB);
  CHECK(error == 0 || error == ENOTSUP);
  for (std::size_t at = 0; at < 8 * MiB; at += os::page_bytes()) {
    CHECK(address[at] == kDirty || address[at] == kZero);
  }
  test::make_dirty(address, 8 * MiB);
  CHECK(all_are(kDirty, address, 8 * MiB));
  unmap(address, 8 * MiB);
}

#ifdef __linux__
/// In several parts.
void missing_pages_are_counted() {
  constexpr std::size_t kBytes = 40 * MiB;
  std::byte* address = map(kBytes, 1);
  CHECK(os::missing_bytes(address, kBytes) == kBytes);
  test::make_dirty(address, kBytes);
  CHECK(os::missing_bytes(address, kBytes) == 0);
  CHECK(os::discard_pages(address + 15 * MiB, 20 * MiB) == 0);
  CHECK(os::missing_bytes(address, kBytes) == 20 * MiB);
  unmap(address, kBytes);
}

void pages_are_ordinary_again() {
  constexpr std::size_t kBytes = 4 * MiB;
  std::byte* address = map(kBytes, 1);
  test::make_dirty(address, kBytes);
  CHECK(madvise(address, kBytes / 2, MADV_WIPEONFORK) == 0);
  CHECK(madvise(address + kBytes / 2, kBytes / 2, MADV_DONTFORK) == 0);
  CHECK(mlock(address, os::page_bytes()) == 0);
  CHECK(mprotect(address, kBytes, PROT_READ) == 0);
  CHECK(os::reset_advice(address, kBytes) == 0);
  CHECK(test::holds_in_child([address] { return all_are(kDirty, address, kBytes); }));
  test::make_dirty(address, kBytes);
  CHECK(madvise(address, os::page_bytes(), MADV_DONTNEED) == 0);  // EINVAL while they are locked
  unmap(address, kBytes);
}
#endif

}  // namespace

int main() {
#ifdef __linux__
  missing_pages_are_counted();
  pages_are_ordinary_again();
#endif
  lazily_freed_pages_are_there_until_memory_runs_short();
  sizes_of_pages_are_powers_of_two();
  the_policy_is_in_words();
  every_alignment_up_to_1_GiB_is_met();
  fresh_pages_are_zero_and_writable();
  a_used_address_is_zero_when_mapped_again();
  populating_changes_no_byte();
  asking_for_huge_pages_changes_no_byte();
  pages_are_written_once_they_are_and_not_when_they_are_read();
  a_shorter_mapping_keeps_its_start();
  a_longer_mapping_keeps_its_start();
  pages_move_with_their_content();
  too_much_is_refused_and_nothing_changed(std::size_t{1} << 62, 1);
  too_much_is_refused_and_nothing_changed(std::size_t{1} << 62, std::size_t{1} << 30);
  too_much_is_refused_and_nothing_changed(std::size_t{1} << 63, std::size_t{1} << 63);
  too_much_is_refused_and_nothing_changed(os::page_bytes(), std::size_t{1} << 63);
}
