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

bool can_shared_be_lazy() noexcept { return true; }

const char* shared_huge_page_policy() noexcept { return "unsupported"; }

bool has_shared_huge_pages() noexcept { return false; }

bool are_shared_faults_huge() noexcept { return false; }

bool can_collapse_shared() noexcept { return false; }

int collapse_shared(void* /*address*/, std::size_t /*bytes*/) noexcept { return ENOTSUP; }

std::size_t most_handles() noexcept { return SIZE_MAX; }

std::size_t largest_shared_bytes() noexcept { return SIZE_MAX; }

}  // namespace zerofill::os
