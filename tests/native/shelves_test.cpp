// memory/shelves: a kept block is found by whoever it fits, and by nobody else.
#include "memory/shelves.h"

#include <vector>

#include "base/align.h"
#include "check.h"
#include "memory/plan.h"

namespace {

using namespace zerofill;
using memory::Block;
using memory::Content;
using memory::Kept;
using memory::Preference;
using memory::Shelves;
using memory::Wanted;

// No byte of a block is touched here: addresses are only numbers.
Kept kept(std::size_t address, std::size_t bytes, Content content = Content::unknown,
          std::size_t stagger = 0) {
  Kept entry{};
  entry.block.address = reinterpret_cast<std::byte*>(address);
  entry.block.bytes = bytes;
  entry.block.stagger = stagger;
  entry.block.content = content;
  return entry;
}

bool serves(std::size_t block_bytes, std::size_t wanted_bytes) {
  Kept entry = kept(64 * MiB, block_bytes);
  Shelves shelves;
  shelves.add(&entry);
  return shelves.find({wanted_bytes, 64, Preference::clean}) == &entry;
}

void classes_rise_with_sizes() {
  int former = 0;
  for (std::size_t bytes = 1; bytes < std::size_t{1} << 45; bytes += bytes / 32 + 1) {
    const int index = memory::size_class(bytes);
    CHECK(index >= former);
    CHECK(index < memory::kSizeClasses);
    former = index;
  }
  CHECK(memory::size_class(2 * memory::kMostPooledBytes - 1) < memory::kSizeClasses);
}

void a_block_serves_what_wastes_at_most_an_eighth_of_it() {
  for (std::size_t bytes = 2 * MiB; bytes < 4096 * MiB; bytes += bytes / 7) {
    CHECK(serves(bytes, bytes));
    CHECK(serves(bytes + bytes / 8, bytes));
    CHECK(!serves(bytes - 1, bytes));
    CHECK(!serves(bytes + bytes / 8 + memory::kMostStagger + 1, bytes));
  }
}

void a_size_that_overflows_finds_nothing() {
  CHECK(!serves(MiB, 0xFFFFFFFFFFFFFFFF));
  CHECK(!serves(MiB, std::size_t{1} << 63));
}

std::size_t payload_offset(const Kept& entry, const Wanted& wanted) {
  const std::byte* payload = memory::fit(entry.block, wanted);
  CHECK(payload != nullptr);
  return static_cast<std::size_t>(payload - entry.block.address);
}

void a_payload_starts_at_the_stagger_where_there_is_room() {
  const Kept entry = kept(64 * MiB, 4 * MiB, Content::unknown, 8320);
  CHECK(payload_offset(entry, {4 * MiB - 8320, 64, Preference::clean}) == 8320);
  CHECK(payload_offset(entry, {4 * MiB - 8319, 64, Preference::clean}) == 0);
  CHECK(payload_offset(entry, {4 * MiB - 64 * KiB, 4096, Preference::clean}) == 12288);
}

void an_address_that_is_not_aligned_does_not_fit() {
  const Kept entry = kept(64 * MiB + 4096, 4 * MiB);
  CHECK(memory::fit(entry.block, {4 * MiB, 4096, Preference::clean}) == entry.block.address);
  CHECK(memory::fit(entry.block, {4 * MiB, 8192, Preference::clean}) == nullptr);
}

void a_clean_block_is_taken_before_a_newer_dirty_one() {
  Kept clean = kept(64 * MiB, 4 * MiB, Content::zero);
  Kept dirty = kept(128 * MiB, 4 * MiB);
  Shelves shelves;
  shelves.add(&clean);
  shelves.add(&dirty);
  CHECK(shelves.find({4 * MiB, 64, Preference::clean}) == &clean);
  shelves.remove(&clean);
  CHECK(shelves.find({4 * MiB, 64, Preference::clean}) == &dirty);
  CHECK(shelves.find({4 * MiB, 64, Preference::only_clean}) == nullptr);
}

void zeros_are_not_given_to_who_does_not_need_them() {
  Kept clean = kept(64 * MiB, 4 * MiB, Content::zero);
  Kept dirty = kept(128 * MiB, 4 * MiB);
  Shelves shelves;
  shelves.add(&dirty);
  shelves.add(&clean);
  CHECK(shelves.find({4 * MiB, 64, Preference::dirty}) == &dirty);
  shelves.remove(&dirty);
  CHECK(shelves.find({4 * MiB, 64, Preference::dirty}) == &clean);
}

void the_newest_is_found_and_the_oldest_is_known() {
  std::vector<Kept> entries(5, kept(64 * MiB, 4 * MiB));
  Shelves shelves;
  for (int i = 0; i < 5; ++i) {
    entries[i].since = memory::Clock::time_point(std::chrono::seconds(i));
    shelves.add(&entries[i]);
  }
  CHECK(shelves.find({4 * MiB, 64, Preference::clean}) == &entries[4]);
  CHECK(shelves.oldest() == &entries[0]);
  shelves.remove(&entries[2]);
  shelves.remove(&entries[0]);
  shelves.remove(&entries[4]);
  CHECK(shelves.find({4 * MiB, 64, Preference::clean}) == &entries[3]);
  CHECK(shelves.oldest() == &entries[1]);
}

void bytes_are_counted_by_what_is_known() {
  Kept clean = kept(64 * MiB, 4 * MiB, Content::zero);
  Kept dirty = kept(128 * MiB, 5 * MiB);
  Shelves shelves;
  CHECK(shelves.empty());
  shelves.add(&clean);
  shelves.add(&dirty);
  CHECK(shelves.clean_bytes() == 4194304);
  CHECK(shelves.dirty_bytes() == 5242880);
  shelves.remove(&clean);
  shelves.remove(&dirty);
  CHECK(shelves.empty());
}

void only_what_is_worth_it_is_scrubbed_the_newest_first() {
  Kept entries[] = {kept(64 * MiB, 4 * MiB), kept(128 * MiB, 9 * MiB), kept(256 * MiB, 4 * MiB)};
  Shelves shelves;
  for (int i = 0; i < 3; ++i) {
    entries[i].since = memory::Clock::time_point(std::chrono::seconds(i));
    entries[i].worth_scrubbing = i < 2;
    shelves.add(&entries[i]);
  }
  CHECK(shelves.to_scrub() == &entries[1]);
  shelves.remove(&entries[1]);
  CHECK(shelves.to_scrub() == &entries[0]);
  shelves.remove(&entries[0]);
  CHECK(shelves.to_scrub() == nullptr);
}

}  // namespace

int main() {
  classes_rise_with_sizes();
  a_block_serves_what_wastes_at_most_an_eighth_of_it();
  a_size_that_overflows_finds_nothing();
  a_payload_starts_at_the_stagger_where_there_is_room();
  an_address_that_is_not_aligned_does_not_fit();
  a_clean_block_is_taken_before_a_newer_dirty_one();
  zeros_are_not_given_to_who_does_not_need_them();
  the_newest_is_found_and_the_oldest_is_known();
  bytes_are_counted_by_what_is_known();
  only_what_is_worth_it_is_scrubbed_the_newest_first();
}
