#include "os/pages.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/align.h"
#include "base/checked.h"
#include "os/linux/huge_page_policy.h"
#include "os/linux/pagemap.h"

// Values of the kernel's interface that the headers of older C libraries lack.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41  // Linux 5.17
#define PR_SET_VMA_ANON_NAME 0
#endif

namespace zerofill::os {
namespace {

struct HugePages {
  std::size_t bytes = 0;
  Policy policy;

  HugePages() noexcept {
    const std::size_t size = read_huge_page_bytes();
    read_policy_of_size("enabled", size, &policy);
    if (std::strcmp(policy, "never") == 0 || std::strcmp(policy, "unsupported") == 0) return;
    if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1) {
      std::snprintf(policy, sizeof policy, "prctl never");
      return;
    }
    bytes = size;
  }
};

// Both at load time: base/immortal.h.
const HugePages kHugePages;
const auto kPageBytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

void name_mapping(void* address, std::size_t bytes, const char* name) noexcept {
  // For people who read /proc/self/maps. Kernels that are built without it answer EINVAL.
  (void)prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, address, bytes, name);
}

/// Whether the process may have six mappings more, as mremap(2) to a fixed address needs: tries it
/// by splitting this one for a moment. vm.max_map_count limits them, and nothing says how many
/// there are.
bool is_split_allowed(void* address) noexcept {
  auto* start = static_cast<std::byte*>(address);
  bool allowed = true;
  for (const std::size_t page : {1, 3, 5}) {
    allowed = allowed && mprotect(start + page * page_bytes(), page_bytes(), PROT_READ) == 0;
  }
  return mprotect(start, 7 * page_bytes(), PROT_READ | PROT_WRITE) == 0 && allowed;
}

void* map(std::size_t bytes, int protection, Reserve reserve) noexcept {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (reserve == Reserve::no ? MAP_NORESERVE : 0);
  return mmap(nullptr, bytes, protection, flags, -1, 0);
}

/// MAP_FAILED with errno set, as mmap(2).
void* map_aligned(std::size_t bytes, std::size_t alignment, Reserve reserve) noexcept {
  std::size_t padded;
  if (!checked_add(bytes, alignment - page_bytes(), &padded)) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  // What nobody may write is not counted as memory, so that the padding needs none for a moment.
  void* mapping = map(padded, PROT_NONE, reserve);
  if (mapping == MAP_FAILED) return MAP_FAILED;
  auto* start = static_cast<std::byte*>(mapping);
  std::byte* aligned = align_up(start, alignment);
  const auto before = static_cast<std::size_t>(aligned - start);
  const std::size_t after = padded - before - bytes;
  if (before != 0) munmap(start, before);
  if (after != 0) munmap(aligned + bytes, after);
  if (mprotect(aligned, bytes, PROT_READ | PROT_WRITE) == 0) return aligned;
  const int error = errno;
  munmap(aligned, bytes);
  errno = error;
  return MAP_FAILED;
}

}  // namespace

std::size_t page_bytes() noexcept { return kPageBytes; }

std::size_t huge_page_bytes() noexcept { return kHugePages.bytes; }

const char* huge_page_policy() noexcept { return kHugePages.policy; }

int map_pages(std::size_t bytes, std::size_t alignment, const char* name, void** address,
              Reserve reserve) noexcept {
  // Linux 6.7 and newer align large mappings by themselves, so the first try is often right.
  void* mapping = map(bytes, PROT_READ | PROT_WRITE, reserve);
  if (mapping != MAP_FAILED && reinterpret_cast<std::uintptr_t>(mapping) % alignment != 0) {
    munmap(mapping, bytes);
    mapping = map_aligned(bytes, alignment, reserve);
  }
  if (mapping == MAP_FAILED) return errno;
  name_mapping(mapping, bytes, name);
  *address = mapping;
  return 0;
}

int unmap_pages(void* address, std::size_t bytes) noexcept {
  // Discard the pages first. From Linux 6.16 on that takes the lock of this mapping alone, whereas
  // munmap(2) of resident pages holds up other threads' mappings for milliseconds a gigabyte.
  const bool released = madvise(address, bytes, MADV_DONTNEED) == 0;
  if (munmap(address, bytes) == 0) return 0;
  // A hole splits a mapping in two, which may be one too many (vm.max_map_count). The addresses
  // stay then, and the memory is returned all the same.
  return released ? 0 : errno;
}

int advise_huge_pages(void* address, std::size_t bytes) noexcept {
  return madvise(address, bytes, MADV_HUGEPAGE) == 0 ? 0 : errno;
}

int advise_no_huge_pages(void* address, std::size_t bytes) noexcept {
  return madvise(address, bytes, MADV_NOHUGEPAGE) == 0 ? 0 : errno;
}

bool is_huge_page_granted(void* address) noexcept {
  // One fault has made all of it resident, or else its first page alone.
  auto* last = static_cast<std::byte*>(address) + huge_page_bytes() - page_bytes();
  unsigned char is_resident = 0;
  return mincore(last, page_bytes(), &is_resident) == 0 && (is_resident & 1) != 0;
}

unsigned long long count_compactions() noexcept {
  std::FILE* file = std::fopen("/proc/vmstat", "re");
  if (file == nullptr) return 0;
  char line[96];
  unsigned long long count = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "compact_stall %llu", &count) == 1) break;
  }
  std::fclose(file);
  return count;
}

int discard_pages(void* address, std::size_t bytes) noexcept {
  // EINVAL for pages that are locked into memory (mlockall(2)): they stay resident.
  if (madvise(address, bytes, MADV_DONTNEED) != 0) std::memset(address, 0, bytes);
  return 0;
}

int populate_pages(void* address, std::size_t bytes) noexcept {
  while (madvise(address, bytes, MADV_POPULATE_WRITE) != 0) {
    if (errno == EINVAL) return ENOTSUP;  // a kernel older than 5.14
    if (errno != EAGAIN && errno != EINTR) return errno;
  }
  return 0;
}

int free_pages_lazily(void* address, std::size_t bytes) noexcept {
  if (madvise(address, bytes, MADV_FREE) == 0) return 0;
  return errno == EINVAL ? ENOTSUP : errno;
}

int reset_advice(void* address, std::size_t bytes) noexcept {
  // A third of a microsecond each. MADV_KEEPONFORK is unknown to kernels older than 4.14, as is
  // what it undoes.
  (void)madvise(address, bytes, MADV_KEEPONFORK);
  const bool done = madvise(address, bytes, MADV_DOFORK) == 0 &&
                    mprotect(address, bytes, PROT_READ | PROT_WRITE) == 0 &&
                    munlock(address, bytes) == 0;
  return done ? 0 : errno;
}

std::size_t missing_bytes(void* address, std::size_t bytes) noexcept {
  std::size_t resident = 0;
  return count_resident(address, bytes, &resident) || count_private(address, bytes, &resident)
             ? bytes - resident * page_bytes()
             : bytes;
}

bool are_private_resident(void* address, std::size_t bytes) noexcept {
  return are_all_private(address, bytes);
}

int shrink_pages(void* address, std::size_t bytes, std::size_t new_bytes) noexcept {
  return unmap_pages(static_cast<std::byte*>(address) + new_bytes, bytes - new_bytes);
}

int grow_pages(void* address, std::size_t bytes, std::size_t new_bytes) noexcept {
  // EFAULT when somebody's madvise(2) or mprotect(2) has split the pages into several mappings.
  return mremap(address, bytes, new_bytes, 0) != MAP_FAILED ? 0 : errno;
}

int remap_pages(void* from, std::size_t from_bytes, void* to, std::size_t to_bytes,
                bool* is_lost) noexcept {
  // mremap(2) unmaps `to` before some of its failures, and nothing says whether it did. The common
  // one is the limit of mappings: once met, it is looked at before each move until there is room.
  static std::atomic<bool> met_limit{false};
  *is_lost = false;
  if (met_limit.load(std::memory_order_relaxed)) {
    if (!is_split_allowed(to)) return ENOMEM;
    met_limit.store(false, std::memory_order_relaxed);
  }
  constexpr int kFlags = MREMAP_MAYMOVE | MREMAP_FIXED;
  if (mremap(from, from_bytes, to_bytes, kFlags, to) != MAP_FAILED) return 0;
  const int error = errno;
  met_limit.store(error == ENOMEM, std::memory_order_relaxed);
  *is_lost = true;
  return error;
}

}  // namespace zerofill::os
