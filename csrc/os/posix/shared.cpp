#include "os/shared.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/align.h"
#include "base/checked.h"
#include "os/pages.h"

namespace zerofill::os {
namespace {

void* map(void* wanted, int file, std::size_t bytes) noexcept {
  const int flags = MAP_SHARED | (wanted != nullptr ? MAP_FIXED : 0);
  return mmap(wanted, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
}

/// Maps a file in the place of addresses that hold nothing.
int map_aligned(int file, std::size_t bytes, std::size_t alignment, void** address) noexcept {
  std::size_t padded;
  if (!checked_add(bytes, alignment - page_bytes(), &padded)) return ENOMEM;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* room = mmap(nullptr, padded, PROT_NONE, kFlags, -1, 0);
  if (room == MAP_FAILED) return errno;
  auto* start = static_cast<std::byte*>(room);
  std::byte* aligned = align_up(start, alignment);
  if (map(aligned, file, bytes) == MAP_FAILED) {
    const int error = errno;
    munmap(room, padded);
    return error;
  }
  const auto before = static_cast<std::size_t>(aligned - start);
  const std::size_t after = padded - before - bytes;
  if (before != 0) munmap(start, before);
  if (after != 0) munmap(aligned + bytes, after);
  *address = aligned;
  return 0;
}

}  // namespace

int map_shared(SharedHandle handle, std::size_t bytes, std::size_t alignment,
               void** address) noexcept {
  const int file = static_cast<int>(handle);
  void* mapping = map(nullptr, file, bytes);
  if (mapping == MAP_FAILED) return errno;
  if (reinterpret_cast<std::uintptr_t>(mapping) % alignment != 0) {
    munmap(mapping, bytes);
    return map_aligned(file, bytes, alignment, address);
  }
  *address = mapping;
  return 0;
}

int unmap_shared(void* address, std::size_t bytes) noexcept {
  return munmap(address, bytes) == 0 ? 0 : errno;
}

int protect_shared(void* address, std::size_t bytes) noexcept {
  return mprotect(address, bytes, PROT_READ) == 0 ? 0 : errno;
}

void close_shared(SharedHandle handle) noexcept { close(static_cast<int>(handle)); }

}  // namespace zerofill::os
