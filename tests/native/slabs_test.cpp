// blocks/slabs: small lazy blocks share mappings, and a freed one is fresh again.
#include "blocks/slabs.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "base/units.h"
#include "bytes.h"
#include "check.h"
#include "gained.h"
#include "os/pages.h"

namespace {

using namespace zerofill;
using blocks::put_into_slab;
using blocks::take_from_slab;
using blocks::trim_slabs;
using test::all_are;
using test::kZero;

constexpr std::size_t kSlabBytes = 32 * MiB;

/// A block that is put back by hand.
struct Slot : blocks::Block {
  std::byte* payload;
};

Slot take(std::size_t bytes, std::size_t alignment = 64) {
  auto placed = take_from_slab(bytes, alignment);
  CHECK(placed.has_value());
  return {placed->block.release(), placed->payload};
}

void blocks_are_zero_aligned_and_large_enough() {
  for (std::size_t bytes : {std::size_t{1}, 256 * KiB, 256 * KiB + 1, MiB, 2 * MiB - 1}) {
    for (std::size_t alignment = 1; alignment <= 64 * KiB; alignment *= 2) {
      const Slot block = take(bytes, alignment);
      CHECK(reinterpret_cast<std::uintptr_t>(block.payload) % alignment == 0);
      CHECK(block.payload >= block.address);
      CHECK(block.payload + bytes <= block.address + block.bytes);
      CHECK(all_are(kZero, block.payload, bytes));
      put_into_slab(block);
    }
  }
}

void others_do_not_fit() {
  CHECK(!take_from_slab(2 * MiB, 64).has_value());
  CHECK(!take_from_slab(SIZE_MAX, 64).has_value());
  CHECK(!take_from_slab(256 * KiB, 128 * KiB).has_value());
}

void blocks_start_at_different_places() {
  const Slot one = take(256 * KiB);
  const Slot other = take(256 * KiB);
  CHECK((other.payload - other.address) != (one.payload - one.address));
  put_into_slab(one);
  put_into_slab(other);
}

void nothing_of_a_former_block_is_seen() {
  for (int i = 0; i < 200; ++i) {
    const Slot block = take(300 * KiB);
    CHECK(all_are(kZero, block.address, block.bytes));
    test::make_dirty(block.address, block.bytes);
    put_into_slab(block);
  }
}

/// Every block is marked with its owner's number over its whole length, whoever else is at it.
void owners_share_nothing() {
  std::mt19937 random(1);
  std::vector<Slot> live;
  for (int step = 0; step < 4000; ++step) {
    if (live.size() < 200 && random() % 3 != 0) {
      live.push_back(take(256 * KiB + random() % (1700 * KiB)));
      CHECK(live.back().payload[0] == kZero);
      live.back().payload[0] = std::byte{1};
      live.back().address[live.back().bytes - 1] = std::byte{1};
    } else if (!live.empty()) {
      std::swap(live[random() % live.size()], live.back());
      CHECK(live.back().payload[0] == std::byte{1});
      put_into_slab(live.back());
      live.pop_back();
    }
  }
  for (std::size_t i = 0; i < live.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      CHECK(live[i].address + live[i].bytes <= live[j].address ||
            live[j].address + live[j].bytes <= live[i].address);
    }
  }
  for (const Slot& slot : live) put_into_slab(slot);
}

void threads_share_nothing() {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(nothing_of_a_former_block_is_seen);
  for (std::thread& thread : threads) thread.join();
}

void blocks_may_be_put_back_by_another_thread() {
  std::vector<Slot> slots;
  std::thread([&] {
    for (int i = 0; i < 300; ++i) slots.push_back(take(512 * KiB));
  }).join();
  std::thread([&] {
    for (const Slot& slot : slots) put_into_slab(slot);
  }).join();
}

void one_empty_slab_a_class_is_kept_until_trimmed() {
  trim_slabs();
  std::vector<Slot> slots;
  for (int i = 0; i < 300; ++i) slots.push_back(take(512 * KiB));
  CHECK(trim_slabs() == 0);
  for (const Slot& slot : slots) put_into_slab(slot);
  CHECK(trim_slabs() == kSlabBytes);
  CHECK(trim_slabs() == 0);
}

/// A loop at the border of a full slab does not map and unmap another each time.
void the_next_slab_stays() {
  std::vector<Slot> slots;
  while (slots.empty() || slots.back().slab == slots.front().slab) slots.push_back(take(MiB));
  put_into_slab(slots.back());
  slots.pop_back();
  put_into_slab(slots.back());  // now both have room
  slots.pop_back();
  CHECK(trim_slabs() == kSlabBytes);
  slots.push_back(take(MiB));
  slots.push_back(take(MiB));
  const blocks::Slab* next = slots.back().slab;
  for (int i = 0; i < 3; ++i) {
    put_into_slab(slots.back());
    put_into_slab(slots[slots.size() - 2]);
    slots[slots.size() - 2] = take(MiB);
    slots.back() = take(MiB);
    CHECK(slots.back().slab == next || slots[slots.size() - 2].slab == next);
  }
  for (const Slot& slot : slots) put_into_slab(slot);
  trim_slabs();
}

void a_slab_in_use_is_not_trimmed() {
  const Slot block = take(MiB);
  test::make_dirty(block.payload, MiB);
  CHECK(trim_slabs() == 0);
  CHECK(all_are(test::kDirty, block.payload, MiB));
  put_into_slab(block);
}

int count_mappings() {
  std::FILE* file = std::fopen("/proc/self/maps", "re");
  CHECK(file != nullptr);
  int lines = 0;
  for (int c; (c = std::fgetc(file)) != EOF;) lines += c == '\n';
  std::fclose(file);
  return lines;
}

/// As many holes as the system allows mappings.
void freeing_every_second_makes_no_mappings() {
  constexpr int kBlocks = 140000;
  std::vector<Slot> slots;
  for (int i = 0; i < kBlocks; ++i) slots.push_back(take(256 * KiB));
  const int before = count_mappings();
  for (int i = 0; i < kBlocks; i += 2) put_into_slab(slots[i]);
  CHECK(count_mappings() <= before);
  for (int i = 1; i < kBlocks; i += 2) put_into_slab(slots[i]);
}

std::size_t resident_pages(const Slot& slot) {
  std::vector<unsigned char> pages(slot.bytes / os::page_bytes());
  CHECK(mincore(slot.address, slot.bytes, pages.data()) == 0);
  std::size_t count = 0;
  for (unsigned char page : pages) count += page & 1;
  return count;
}

void only_what_is_touched_is_resident() {
  const Slot block = take(MiB);
  CHECK(resident_pages(block) == 0);
  block.payload[MiB / 2] = std::byte{1};
  CHECK(resident_pages(block) == 1);
  const std::size_t size = block.bytes;
  put_into_slab(block);
  const Slot same = take(MiB);
  CHECK(same.address == block.address && same.bytes == size);
  CHECK(resident_pages(same) == 0);
  put_into_slab(same);
}

void locked_pages_are_zeroed_instead() {
  const Slot block = take(256 * KiB);
  if (mlock(block.address, block.bytes) != 0) return put_into_slab(block);  // not allowed here
  test::make_dirty(block.address, block.bytes);
  put_into_slab(block);
  const Slot same = take(256 * KiB);
  CHECK(same.address == block.address);
  CHECK(all_are(kZero, same.address, same.bytes));
  munlock(same.address, same.bytes);
  put_into_slab(same);
}

void what_is_put_back_is_counted() {
  const Slot block = take(MiB);
  const test::Gained gained;
  put_into_slab(block);
  CHECK(gained.returned() == block.bytes);
}

}  // namespace

int main() {
  blocks_are_zero_aligned_and_large_enough();
  others_do_not_fit();
  blocks_start_at_different_places();
  nothing_of_a_former_block_is_seen();
  owners_share_nothing();
  threads_share_nothing();
  blocks_may_be_put_back_by_another_thread();
  one_empty_slab_a_class_is_kept_until_trimmed();
  the_next_slab_stays();
  a_slab_in_use_is_not_trimmed();
  freeing_every_second_makes_no_mappings();
  only_what_is_touched_is_resident();
  locked_pages_are_zeroed_instead();
  what_is_put_back_is_counted();
}
