// Untried on macOS (compiled only).
#include "os/shared.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>

#include "base/align.h"
#include "base/checked.h"
#include "os/pages.h"

namespace zerofill::os {
namespace {

/// Memory that has a name for a moment only; negative with errno set.
int create_file() noexcept {
  static std::atomic<unsigned> made{0};
  for (int tries = 0; tries < 100; ++tries) {
    char name[31];  // PSHMNAMLEN
    std::snprintf(name, sizeof name, "/zerofill.%d.%u", getpid(), made.fetch_add(1));
    const int file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
    if (file >= 0) {
      shm_unlink(name);
      return file;
    }
    if (errno != EEXIST) break;
  }
  return -1;
}

void* map(void* wanted, int file, std::size_t bytes) noexcept {
  const int flags = MAP_SHARED | (wanted != nullptr ? MAP_FIXED : 0);
  return mmap(wanted, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
}

/// Maps a file in the place of addresses that hold nothing.
int map_aligned(int file, std::size_t bytes, std::size_t alignment, void** address) noexcept {
  std::size_t padded;
  if (!checked_add(bytes, alignment - page_bytes(), &padded)) return ENOMEM;
  void* room = mmap(nullptr, padded, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0);
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

int create_shared(std::size_t bytes, const char* /*name*/, SharedHandle* handle) noexcept {
  const int file = create_file();
  if (file < 0) return errno;
  if (ftruncate(file, static_cast<off_t>(bytes)) != 0) {
    const int error = errno;
    close(file);
    return error;
  }
  *handle = file;
  return 0;
}

// The size of shared memory cannot be changed a second time here.
int find_shared_bytes(SharedHandle handle, std::size_t* bytes) noexcept {
  struct stat status{};
  if (fstat(static_cast<int>(handle), &status) != 0) return errno;
  if (status.st_size <= 0) return EINVAL;
  *bytes = static_cast<std::size_t>(status.st_size);
  return 0;
}

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

// Memory is compressed and swapped before it runs out, so a page is always had.
int allocate_shared(SharedHandle /*handle*/, std::size_t /*start*/,
                    std::size_t /*bytes*/) noexcept {
  return 0;
}

int open_shared(const char* /*path*/, SharedHandle* /*handle*/) noexcept { return ENOTSUP; }

bool is_only_holder(SharedHandle /*handle*/) noexcept { return false; }

bool find_shared_path(SharedHandle /*handle*/, char* /*path*/, std::size_t /*capacity*/) noexcept {
  return false;
}

void close_shared(SharedHandle handle) noexcept { close(static_cast<int>(handle)); }

bool can_shared_be_lazy() noexcept { return true; }

const char* shared_huge_page_policy() noexcept { return "unsupported"; }

bool has_shared_huge_pages() noexcept { return false; }

std::size_t most_handles() noexcept { return SIZE_MAX; }

std::size_t largest_shared_bytes() noexcept { return SIZE_MAX; }

}  // namespace zerofill::os
