#include "os/shared.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/units.h"
#include "os/linux/huge_page_policy.h"
#include "os/relatives.h"

// Values of the kernel's interface that the headers of older C libraries lack.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25  // Linux 6.1
#endif

namespace zerofill::os {
namespace {

// The size is final: the pages behind it could not be touched.
constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

/// At load time: base/immortal.h.
struct SharedHugePages {
  Policy policy;
  bool at_first_touch;
  bool by_collapse;

  SharedHugePages() noexcept {
    Policy of_all = "unsupported";
    (void)read_policy("shmem_enabled", &of_all);
    const bool is_of_size = read_policy_of_size("shmem_enabled", read_huge_page_bytes(), &policy);
    const bool is_refused = is(of_all, "deny") || is(of_all, "unsupported");
    // "never" of all sizes is about what the kernel does unasked, says madvise(2) of MADV_COLLAPSE.
    // That of the size holds there too. No range at all asks whether the kernel knows it.
    at_first_touch = !is_refused && !is(policy, "never");
    by_collapse = is(policy, "never") && !is_refused && !is_of_size &&
                  read_huge_page_bytes() == kHugePageUnit &&
                  madvise(nullptr, 0, MADV_COLLAPSE) == 0;
  }

  static bool is(const Policy& policy, const char* word) noexcept {
    return std::strcmp(policy, word) == 0;
  }
};

const SharedHugePages kSharedHugePages;

/// A memory file of no size yet; negative with errno set.
int create_file(const char* name) noexcept {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  // Where the system's setting (vm.memfd_noexec) wants it said whether the file may be run.
  const int file = memfd_create(name, kFlags | MFD_NOEXEC_SEAL);
  return file < 0 && errno == EINVAL ? memfd_create(name, kFlags) : file;
}

/// Whether each handle of this process was opened again, as holders are counted by.
std::atomic<bool> counts_holders{true};

/// The same file, opened by its path: those that memfd_create(2) opens are not counted as open.
/// Negative with errno set where there are too many open.
int open_again(int file) noexcept {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  const int again = open(path, O_RDWR | O_CLOEXEC);
  if (again < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM) {
    counts_holders.store(false, std::memory_order_relaxed);  // there is no /proc
    return file;
  }
  const int error = errno;
  close(file);
  errno = error;
  return again;
}

std::size_t limit_of(decltype(RLIMIT_FSIZE) resource) noexcept {
  struct rlimit limit{};
  const bool has_one = getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return has_one ? limit.rlim_cur : SIZE_MAX;
}

bool give_size(int file, std::size_t bytes) noexcept {
  return ftruncate(file, static_cast<off_t>(bytes)) == 0 &&
         fcntl(file, F_ADD_SEALS, kSizeSeals | F_SEAL_SEAL) == 0;
}

}  // namespace

int create_shared(std::size_t bytes, const char* name, SharedHandle* handle) noexcept {
  // Beforehand, because growing a file beyond the limit raises SIGXFSZ too.
  if (bytes > largest_shared_bytes()) return EFBIG;
  const int file = create_file(name);
  if (file < 0) return errno;
  if (!give_size(file, bytes)) {
    const int error = errno;
    close(file);
    return error;
  }
  const int again = open_again(file);
  *handle = again;
  return again < 0 ? errno : 0;
}

int open_shared(const char* path, SharedHandle* handle) noexcept {
  const int file = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0) return errno;
  *handle = file;
  return 0;
}

int find_shared_bytes(SharedHandle handle, std::size_t* bytes) noexcept {
  const int file = static_cast<int>(handle);
  const int seals = fcntl(file, F_GET_SEALS);
  struct stat status{};
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return EINVAL;
  if (fstat(file, &status) != 0) return errno;
  *bytes = static_cast<std::size_t>(status.st_size);
  return 0;
}

int allocate_shared(SharedHandle handle, std::size_t start, std::size_t bytes) noexcept {
  const int file = static_cast<int>(handle);
  if (fallocate(file, 0, static_cast<off_t>(start), static_cast<off_t>(bytes)) == 0) return 0;
  return errno == ENOSPC ? ENOMEM : errno;
}

bool is_only_holder(SharedHandle handle) noexcept {
  // A write lease is granted only where nobody else has the file open, by fcntl(2), and a mapping
  // counts as open.
  if (!counts_holders.load(std::memory_order_relaxed)) return false;
  const int file = static_cast<int>(handle);
  // Whoever opens the file just then has the lease broken by a signal: one that is ignored unless
  // the program wants it, where the default would end the process.
  if (fcntl(file, F_SETSIG, SIGURG) != 0) return false;
  if (fcntl(file, F_SETLEASE, F_WRLCK) != 0) return false;
  return fcntl(file, F_SETLEASE, F_UNLCK) == 0;
}

bool find_shared_path(SharedHandle handle, char* path, std::size_t capacity) noexcept {
  std::snprintf(path, capacity, "/proc/%d/fd/%d", this_process_in_paths(),
                static_cast<int>(handle));
  return true;
}

bool can_shared_be_lazy() noexcept {
  // Where the kernel never overcommits (2), it may refuse the page of a memory file when it is
  // touched, which kills the process.
  std::FILE* file = std::fopen("/proc/sys/vm/overcommit_memory", "re");
  if (file == nullptr) return true;
  const int mode = std::fgetc(file);
  std::fclose(file);
  return mode != '2';
}

const char* shared_huge_page_policy() noexcept { return kSharedHugePages.policy; }

bool has_shared_huge_pages() noexcept {
  return kSharedHugePages.at_first_touch || kSharedHugePages.by_collapse;
}

bool are_shared_faults_huge() noexcept { return kSharedHugePages.at_first_touch; }

bool can_collapse_shared() noexcept { return kSharedHugePages.by_collapse; }

int collapse_shared(void* address, std::size_t bytes) noexcept {
  return madvise(address, bytes, MADV_COLLAPSE) == 0 ? 0 : errno;
}

std::size_t most_handles() noexcept { return limit_of(RLIMIT_NOFILE); }

std::size_t largest_shared_bytes() noexcept { return limit_of(RLIMIT_FSIZE); }

}  // namespace zerofill::os
