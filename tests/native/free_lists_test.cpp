// blocks/free_lists: a free block is found by whoever it fits, and by nobody else.
#include "blocks/free_lists.h"

#include "base/units.h"
#include "blocks/mapping.h"
#include "check.h"

namespace {

using namespace zerofill;
using blocks::Content;
using blocks::FreeBlock;
using Preference = blocks::ContentPreference;
using blocks::FitRequest;
using blocks::FreeLists;

/// A free block whose address is only a number: no byte of it is touched, and it is never unmapped.
struct Entry : FreeBlock {
  explicit Entry(std::size_t address, std::size_t bytes, Content content = Content::unknown,
                 std::size_t colour = 0) {
    block->address = reinterpret_cast<std::byte*>(address);
    block->bytes = bytes;
    block->colour = colour;
    block->content = content;
  }
  ~Entry() { block.release(); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
};

bool serves(std::size_t block_bytes, std::size_t wanted_bytes) {
  Entry entry(64 * MiB, block_bytes);
  FreeLists lists;
  lists.push(&entry);
  return lists.find({wanted_bytes, 64, Preference::clean}) == &entry;
}

void classes_rise_with_sizes() {
  int former = 0;
  for (std::size_t bytes = 1; bytes < std::size_t{1} << 45; bytes += bytes / 32 + 1) {
    const int index = blocks::size_class(bytes);
    CHECK(index >= former);
    CHECK(index < blocks::kSizeClasses);
    former = index;
  }
  CHECK(blocks::size_class(2 * blocks::kMaxPooledBytes - 1) < blocks::kSizeClasses);
}

void a_block_serves_what_wastes_at_most_an_eighth_of_it() {
  for (std::size_t bytes = 2 * MiB; bytes < 4096 * MiB; bytes += bytes / 7) {
    CHECK(serves(bytes, bytes));
    CHECK(serves(bytes + bytes / 8, bytes));
    CHECK(!serves(bytes - 1, bytes));
    CHECK(!serves(bytes + bytes / 8 + blocks::kMaxColour + 1, bytes));
  }
}

void a_size_that_overflows_finds_nothing() {
  CHECK(!serves(MiB, 0xFFFFFFFFFFFFFFFF));
  CHECK(!serves(MiB, std::size_t{1} << 63));
}

std::size_t payload_offset(const Entry& entry, const FitRequest& wanted) {
  const std::byte* payload = blocks::place_payload(*entry.block, wanted);
  CHECK(payload != nullptr);
  return static_cast<std::size_t>(payload - entry.block->address);
}

void a_payload_starts_at_the_colour_where_there_is_room() {
  const Entry entry(64 * MiB, 4 * MiB, Content::unknown, 8320);
  CHECK(payload_offset(entry, {4 * MiB - 8320, 64, Preference::clean}) == 8320);
  CHECK(payload_offset(entry, {4 * MiB - 8319, 64, Preference::clean}) == 0);
  CHECK(payload_offset(entry, {4 * MiB - 64 * KiB, 4096, Preference::clean}) == 12288);
}

void an_address_that_is_not_aligned_does_not_fit() {
  const Entry entry(64 * MiB + 4096, 4 * MiB);
  CHECK(blocks::place_payload(*entry.block, {4 * MiB, 4096, Preference::clean}) ==
        entry.block->address);
  CHECK(blocks::place_payload(*entry.block, {4 * MiB, 8192, Preference::clean}) == nullptr);
}

void a_block_on_other_nodes_does_not_fit() {
  Entry entry(64 * MiB, 4 * MiB);
  blocks::FitRequest request{4 * MiB, 64, Preference::clean};
  CHECK(blocks::place_payload(*entry.block, request) != nullptr);
  entry.block->placement = {1, os::mask_of(0)};
  CHECK(blocks::place_payload(*entry.block, request) == nullptr);
  for (const os::Placement& other : {os::Placement{1, os::mask_of(1)}, {2, os::mask_of(0)}}) {
    request.placement = other;
    CHECK(blocks::place_payload(*entry.block, request) == nullptr);
  }
  request.placement = entry.block->placement;
  CHECK(blocks::place_payload(*entry.block, request) != nullptr);
}

void a_clean_block_is_taken_before_a_newer_dirty_one() {
  Entry clean(64 * MiB, 4 * MiB, Content::zero);
  Entry dirty(128 * MiB, 4 * MiB);
  FreeLists lists;
  lists.push(&clean);
  lists.push(&dirty);
  CHECK(lists.find({4 * MiB, 64, Preference::clean}) == &clean);
  lists.remove(&clean);
  CHECK(lists.find({4 * MiB, 64, Preference::clean}) == &dirty);
  CHECK(lists.find({4 * MiB, 64, Preference::only_clean}) == nullptr);
}

void zeros_are_not_given_to_who_does_not_need_them() {
  Entry clean(64 * MiB, 4 * MiB, Content::zero);
  Entry dirty(128 * MiB, 4 * MiB);
  FreeLists lists;
  lists.push(&dirty);
  lists.push(&clean);
  CHECK(lists.find({4 * MiB, 64, Preference::dirty}) == &dirty);
  lists.remove(&dirty);
  CHECK(lists.find({4 * MiB, 64, Preference::dirty}) == &clean);
}

void the_newest_is_found_and_the_oldest_is_known() {
  Entry entries[] = {Entry(64 * MiB, 4 * MiB), Entry(64 * MiB, 4 * MiB), Entry(64 * MiB, 4 * MiB),
                     Entry(64 * MiB, 4 * MiB), Entry(64 * MiB, 4 * MiB)};
  FreeLists lists;
  for (int i = 0; i < 5; ++i) {
    entries[i].freed_at = Clock::time_point(std::chrono::seconds(i));
    lists.push(&entries[i]);
  }
  CHECK(lists.find({4 * MiB, 64, Preference::clean}) == &entries[4]);
  CHECK(lists.oldest() == &entries[0]);
  lists.remove(&entries[2]);
  lists.remove(&entries[0]);
  lists.remove(&entries[4]);
  CHECK(lists.find({4 * MiB, 64, Preference::clean}) == &entries[3]);
  CHECK(lists.oldest() == &entries[1]);
}

void bytes_are_counted_by_what_is_known() {
  Entry clean(64 * MiB, 4 * MiB, Content::zero);
  Entry dirty(128 * MiB, 5 * MiB);
  FreeLists lists;
  CHECK(lists.empty());
  lists.push(&clean);
  lists.push(&dirty);
  CHECK(lists.clean_bytes() == 4194304);
  CHECK(lists.dirty_bytes() == 5242880);
  lists.remove(&clean);
  lists.remove(&dirty);
  CHECK(lists.empty());
}

void only_what_is_worth_it_is_scrubbed_the_newest_first() {
  Entry entries[] = {Entry(64 * MiB, 4 * MiB), Entry(128 * MiB, 9 * MiB),
                     Entry(256 * MiB, 4 * MiB)};
  FreeLists lists;
  for (int i = 0; i < 3; ++i) {
    entries[i].freed_at = Clock::time_point(std::chrono::seconds(i));
    entries[i].worth_scrubbing = i < 2;
    lists.push(&entries[i]);
  }
  CHECK(lists.next_to_scrub() == &entries[1]);
  lists.remove(&entries[1]);
  CHECK(lists.next_to_scrub() == &entries[0]);
  lists.remove(&entries[0]);
  CHECK(lists.next_to_scrub() == nullptr);
}

}  // namespace

int main() {
  classes_rise_with_sizes();
  a_block_serves_what_wastes_at_most_an_eighth_of_it();
  a_size_that_overflows_finds_nothing();
  a_payload_starts_at_the_colour_where_there_is_room();
  an_address_that_is_not_aligned_does_not_fit();
  a_block_on_other_nodes_does_not_fit();
  a_clean_block_is_taken_before_a_newer_dirty_one();
  zeros_are_not_given_to_who_does_not_need_them();
  the_newest_is_found_and_the_oldest_is_known();
  bytes_are_counted_by_what_is_known();
  only_what_is_worth_it_is_scrubbed_the_newest_first();
}
