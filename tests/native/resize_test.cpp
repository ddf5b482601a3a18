// alloc/resize: memory changes its size without a copy, or stays as it was.
#include <sys/mman.h>

#include "alloc/allocator.h"
#include "base/units.h"
#include "bytes.h"
#include "check.h"
#include "gained.h"
#include "os/pages.h"

namespace {

using namespace zerofill;
using alloc::Allocation;
using test::all_are;
using test::kDirty;

bool yes(const std::byte*) { return true; }
bool no(const std::byte*) { return false; }

alloc::Request request(std::size_t bytes) {
  return {bytes, 64, alloc::Commit::lazy, alloc::Touch::dense, blocks::Content::unknown};
}

Allocation make_dirty(std::size_t bytes) {
  alloc::trim();
  Allocation made = alloc::acquire(request(bytes), {});
  test::make_dirty(made.data(), bytes);
  return made;
}

/// Takes the page behind a block, if nobody has it yet, so that the block cannot grow where it is.
void occupy_behind(const blocks::Block& block) {
  (void)mmap(block.address + block.bytes, os::page_bytes(), PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

void pages_move_where_they_may() {
  Allocation memory = make_dirty(8 * MiB);
  occupy_behind(memory.block());
  const std::byte* before = memory.data();
  const test::Gained gained;
  CHECK(alloc::resize(&memory, request(64 * MiB), yes));
  CHECK(memory.data() != before);
  CHECK(memory.bytes() == 64 * MiB);
  CHECK(memory.data() + memory.bytes() <= memory.block().address + memory.block().bytes);
  CHECK(all_are(kDirty, memory.data(), 8 * MiB));
  CHECK(gained.moved() >= 8 * MiB);
}

void memory_stays_as_it_was_where_they_may_not() {
  Allocation memory = make_dirty(8 * MiB);
  occupy_behind(memory.block());
  const std::byte* before = memory.data();
  const std::size_t block_bytes = memory.block().bytes;
  CHECK(!alloc::resize(&memory, request(64 * MiB), no));
  CHECK(memory.data() == before);
  CHECK(memory.bytes() == 8 * MiB);
  CHECK(memory.block().bytes == block_bytes);
  CHECK(all_are(kDirty, memory.data(), 8 * MiB));
}

void a_size_that_overflows_changes_nothing() {
  Allocation memory = make_dirty(8 * MiB);
  CHECK(!alloc::resize(&memory, request(0xFFFFFFFFFFFFFFFF), yes));
  CHECK(!alloc::resize(&memory, request(std::size_t{1} << 62), yes));
  CHECK(memory.bytes() == 8 * MiB);
  CHECK(all_are(kDirty, memory.data(), 8 * MiB));
}

void less_than_an_eighth_is_not_worth_a_call() {
  Allocation memory = make_dirty(8 * MiB);
  const test::Gained gained;
  CHECK(alloc::resize(&memory, request(7 * MiB + 512 * KiB), yes));
  CHECK(gained.returned() == 0);
  CHECK(alloc::resize(&memory, request(4 * MiB), no));
  CHECK(gained.returned() >= 3 * MiB);
  CHECK(all_are(kDirty, memory.data(), 4 * MiB));
}

}  // namespace

int main() {
  pages_move_where_they_may();
  memory_stays_as_it_was_where_they_may_not();
  a_size_that_overflows_changes_nothing();
  less_than_an_eighth_is_not_worth_a_call();
}
