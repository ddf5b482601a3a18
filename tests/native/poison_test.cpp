// The allocator under AddressSanitizer: a use after free is reported, however long the block is
// kept.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "alloc/allocator.h"
#include "base/options.h"
#include "base/units.h"
#include "blocks/pool.h"
#include "check.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using alloc::Allocation;
using alloc::Commit;

/// Whether a process of its own, that writes where it says, is ended by AddressSanitizer.
bool is_reported(std::byte* (*address)()) {
  const pid_t child = fork();
  if (child == 0) {
    CHECK(std::freopen("/dev/null", "w", stderr) != nullptr);
    *const_cast<volatile std::byte*>(address()) = std::byte{1};
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

std::byte* freed(std::size_t bytes, Commit commit) {
  Allocation block = alloc::acquire({bytes, 64, commit}, {});
  std::byte* data = block.data();
  data[0] = std::byte{1};
  block.release();
  return data;
}

void a_write_to_a_kept_block_is_reported() {
  CHECK(is_reported([] {
    options().scrub.store(Scrub::off);
    return freed(8 * MiB, Commit::eager);
  }));
}

void a_write_to_a_scrubbed_block_is_reported() {
  CHECK(is_reported([] {
    options().scrub.store(Scrub::on);
    std::byte* data = freed(8 * MiB, Commit::eager);
    while (blocks::pool_sizes().dirty_bytes != 0) os::sleep_microseconds(1000);
    return data + 8 * MiB - 1;
  }));
}

void a_write_to_a_freed_part_of_a_slab_is_reported() {
  CHECK(is_reported([] {
    // In use until the process ends, or the slab would be unmapped as a whole.
    static const Allocation neighbour = alloc::acquire({MiB, 64, Commit::lazy}, {});
    return freed(MiB, Commit::lazy);
  }));
}

void a_write_to_a_block_in_use_is_not() {
  CHECK(!is_reported([] {
    Allocation block = alloc::acquire({8 * MiB, 64, Commit::eager}, {});
    std::byte* data = block.data();
    *data = std::byte{1};
    new Allocation(std::move(block));  // in use until the process ends
    return data;
  }));
}

void a_block_in_use_is_not_poisoned() {
  for (int i = 0; i < 2; ++i) {
    Allocation block = alloc::acquire({8 * MiB, 64, Commit::eager}, {});
    for (std::size_t at = 0; at < 8 * MiB; at += 4096) block.data()[at] = std::byte{1};
    block.release();
  }
}

}  // namespace

int main() {
  a_write_to_a_kept_block_is_reported();
  a_write_to_a_scrubbed_block_is_reported();
  a_write_to_a_freed_part_of_a_slab_is_reported();
  a_write_to_a_block_in_use_is_not();
  a_block_in_use_is_not_poisoned();
}
