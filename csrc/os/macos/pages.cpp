// Untried on macOS (compiled against hand-written declarations only).
#include "os/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/align.h"
#include "base/checked.h"

namespace zerofill::os {
namespace {

// 16 KiB on Apple silicon, 4 KiB on Intel and for Intel programs under Rosetta. At
// load time: base/immortal.h.
const auto kPageBytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

void* map(std::size_t bytes) noexcept {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
}

/// Unmaps what lies before and behind the `bytes` at `aligned`.
void trim(std::byte* start, std::size_t padded, std::byte* aligned, std::size_t bytes) noexcept {
  const auto before = static_cast<std::size_t>(aligned - start);
  const std::size_t after = padded - before - bytes;
  if (before != 0) munmap(start, before);
  if (after != 0) munmap(aligned + bytes, after);
}

int map_padded(std::size_t bytes, std::size_t alignment, void** address) noexcept {
  std::size_t padded;
  if (!checked_add(bytes, alignment - page_bytes(), &padded)) return ENOMEM;
  void* mapping = map(padded);
  if (mapping == MAP_FAILED) return errno;
  auto* start = static_cast<std::byte*>(mapping);
  std::byte* aligned = align_up(start, alignment);
  trim(start, padded, aligned, bytes);
  *address = aligned;
  return 0;
}

}  // namespace

std::size_t page_bytes() noexcept { return kPageBytes; }

// The system's 2 MiB "superpages" are for Intel only and wired from the start.
std::size_t huge_page_bytes() noexcept { return 0; }

const char* huge_page_policy() noexcept { return "unsupported"; }

int map_pages(std::size_t bytes, std::size_t alignment, const char* /*name*/, void** address,
              Reserve /*reserve*/) noexcept {
  void* mapping = map(bytes);
  if (mapping == MAP_FAILED) return errno;
  if (reinterpret_cast<std::uintptr_t>(mapping) % alignment != 0) {
    munmap(mapping, bytes);
    return map_padded(bytes, alignment, address);
  }
  *address = mapping;
  return 0;
}

int unmap_pages(void* address, std::size_t bytes) noexcept {
  return munmap(address, bytes) == 0 ? 0 : errno;
}

int advise_huge_pages(void* /*address*/, std::size_t /*bytes*/) noexcept { return ENOTSUP; }

bool is_huge_page_granted(void* /*address*/) noexcept { return false; }

unsigned long long count_compactions() noexcept { return 0; }

int advise_no_huge_pages(void* /*address*/, std::size_t /*bytes*/) noexcept { return 0; }

int discard_pages(void* address, std::size_t bytes) noexcept {
  // MADV_DONTNEED keeps the content on macOS. A new mapping in the place of the old one does not.
  void* renewed =
      mmap(address, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON | MAP_FIXED, -1, 0);
  return renewed != MAP_FAILED ? 0 : errno;
}

int populate_pages(void* /*address*/, std::size_t /*bytes*/) noexcept { return ENOTSUP; }

int free_pages_lazily(void* /*address*/, std::size_t /*bytes*/) noexcept { return ENOTSUP; }

std::size_t missing_bytes(void* /*address*/, std::size_t bytes) noexcept { return bytes; }

int reset_advice(void* /*address*/, std::size_t /*bytes*/) noexcept { return 0; }

bool are_private_resident(void* address, std::size_t bytes) noexcept {
  const std::size_t page = page_bytes();
  char pages[4096];  // one byte a page
  auto* start = static_cast<char*>(address);
  for (std::size_t done = 0; done < bytes; done += sizeof pages * page) {
    const std::size_t part = std::min(bytes - done, sizeof pages * page);
    if (mincore(start + done, part, pages) != 0) return false;
    // A page that was only read is in core too, but has not been modified.
    const auto is_unwritten = [](char state) {
      return (state & MINCORE_INCORE) == 0 || (state & MINCORE_MODIFIED) == 0;
    };
    if (std::any_of(pages, pages + part / page, is_unwritten)) return false;
  }
  return true;
}

int shrink_pages(void* address, std::size_t bytes, std::size_t new_bytes) noexcept {
  return unmap_pages(static_cast<std::byte*>(address) + new_bytes, bytes - new_bytes);
}

int grow_pages(void* /*address*/, std::size_t /*bytes*/, std::size_t /*new_bytes*/) noexcept {
  return ENOTSUP;
}

int remap_pages(void* /*from*/, std::size_t /*from_bytes*/, void* /*to*/, std::size_t /*to_bytes*/,
                bool* is_lost) noexcept {
  *is_lost = false;
  return ENOTSUP;
}

}  // namespace zerofill::os
