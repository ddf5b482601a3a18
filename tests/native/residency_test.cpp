// Which pages are resident, as mincore(2) tells it: none before it is asked for, all of them after.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "alloc/allocator.h"
#include "base/units.h"
#include "bytes.h"
#include "check.h"
#include "os/pages.h"

namespace {

using namespace zerofill;
using alloc::Allocation;
using alloc::Commit;

std::size_t count_resident_bytes(const void* address, std::size_t bytes) {
  std::vector<unsigned char> states(bytes / os::page_bytes());
  CHECK(mincore(const_cast<void*>(address), bytes, states.data()) == 0);
  std::size_t resident = 0;
  for (unsigned char state : states) resident += (state & 1) != 0 ? os::page_bytes() : 0;
  return resident;
}

bool is_mapped(const void* address) {
  unsigned char state;
  return mincore(const_cast<void*>(address), os::page_bytes(), &state) == 0;
}

/// The size of this process's address space, in pages.
long count_mapped_pages() {
  char text[64] = {};
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0);
  close(file);
  long pages = 0;
  CHECK(std::sscanf(text, "%ld", &pages) == 1);
  return pages;
}

std::byte* map(std::size_t bytes, std::size_t alignment = 1) {
  void* address = nullptr;
  CHECK(os::map_pages(bytes, alignment, "zerofill-test", &address) == 0);
  return static_cast<std::byte*>(address);
}

void fresh_pages_are_not_resident() {
  std::byte* address = map(8 * MiB);
  CHECK(count_resident_bytes(address, 8 * MiB) == 0);
  os::unmap_pages(address, 8 * MiB);
}

void populated_pages_are_resident() {
  std::byte* address = map(8 * MiB, 2 * MiB);  // where huge pages always come, none is half of it
  const int error = os::populate_pages(address, 4 * MiB);
  CHECK(error == 0 || error == ENOTSUP);
  const std::size_t expected = error == 0 ? 4 * MiB : 0;  // Linux before 5.14 cannot
  CHECK(count_resident_bytes(address, 4 * MiB) == expected);
  CHECK(count_resident_bytes(address + 4 * MiB, 4 * MiB) == 0);
  os::unmap_pages(address, 8 * MiB);
}

void unmapped_pages_are_gone() {
  std::byte* address = map(MiB);
  CHECK(is_mapped(address));
  CHECK(os::unmap_pages(address, MiB) == 0);
  CHECK(!is_mapped(address));
}

/// Alignment is made by mapping more and giving back what is not needed.
void an_alignment_leaves_nothing_mapped_beside() {
  const long before = count_mapped_pages();
  std::byte* address = map(3 * os::page_bytes(), std::size_t{1} << 30);
  CHECK(count_mapped_pages() == before + 3);
  os::unmap_pages(address, 3 * os::page_bytes());
  CHECK(count_mapped_pages() == before);
}

void an_eager_block_is_resident(std::size_t bytes) {
  Allocation block = alloc::acquire({bytes, 64, Commit::eager}, {});
  CHECK(block.block().residency == blocks::Residency::all);
  CHECK(count_resident_bytes(block.block().address, block.block().bytes) == block.block().bytes);
  block.release();
}

void a_lazy_block_is_not_resident(std::size_t bytes) {
  alloc::trim();
  Allocation block = alloc::acquire({bytes, 64, Commit::lazy}, {});
  CHECK(block.block().residency == blocks::Residency::some);
  CHECK(count_resident_bytes(block.block().address, block.block().bytes) == 0);
  block.release();
}

/// The flags of the mapping that holds an address, as proc_pid_smaps(5) has them.
std::string flags_of(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::string line;
  bool inside = false;
  while (std::getline(maps, line)) {
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%zx-%zx ", &start, &end) == 2) {
      inside = start <= wanted && wanted < end;
    } else if (inside && line.rfind("VmFlags:", 0) == 0) {
      return line + " ";
    }
  }
  return "";
}

/// Or one byte written would make 2 MiB of it resident, where the system gives huge pages unasked.
void a_lazy_block_has_small_pages(std::size_t bytes) {
  if (os::huge_page_bytes() == 0) return;
  Allocation block = alloc::acquire({bytes, 64, Commit::lazy}, {});
  CHECK(flags_of(block.data()).find(" nh ") != std::string::npos);
  CHECK(flags_of(block.data()).find(" hg ") == std::string::npos);
  block.release();
}

void a_released_block_is_gone(Commit commit) {
  Allocation block = alloc::acquire({3 * MiB, 64, commit}, {});
  const void* address = block.block().address;
  block.release();
  alloc::trim();
  CHECK(!is_mapped(address));
}

}  // namespace

int main() {
  fresh_pages_are_not_resident();
  populated_pages_are_resident();
  unmapped_pages_are_gone();
  an_alignment_leaves_nothing_mapped_beside();
  // A page, some pages, less and more than huge pages in chunks of the plan's.
  for (std::size_t bytes : {std::size_t{1}, 300 * KiB, 3 * MiB, 33 * MiB + 1}) {
    an_eager_block_is_resident(bytes);
    a_lazy_block_is_not_resident(bytes);
  }
  a_lazy_block_has_small_pages(300 * KiB);
  a_lazy_block_has_small_pages(33 * MiB);
  a_released_block_is_gone(Commit::eager);
  a_released_block_is_gone(Commit::lazy);
}
