#include "os/linux/pagemap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "os/pages.h"

namespace zerofill::os {
namespace {

/// Opened each time, because a descriptor stays that of the process which opened it, also in the
/// child of a fork.
class Pagemap {
 public:
  Pagemap() noexcept : file_(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}
  ~Pagemap() {
    if (file_ >= 0) close(file_);
  }
  Pagemap(const Pagemap&) = delete;
  Pagemap& operator=(const Pagemap&) = delete;
  int descriptor() const noexcept { return file_; }

 private:
  int file_;
};

// The ioctl PAGEMAP_SCAN of Linux 6.7, which the headers of older C libraries lack: the kernel's
// admin-guide/mm/pagemap.
struct PageRegion {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t categories;
};

struct ScanArguments {
  std::uint64_t size = sizeof(ScanArguments);
  std::uint64_t flags = 0;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t walk_end = 0;
  std::uint64_t regions = 0;
  std::uint64_t regions_length = 0;
  std::uint64_t max_pages = 0;
  std::uint64_t category_inverted = 0;
  std::uint64_t category_mask = 0;
  std::uint64_t category_anyof_mask = 0;
  std::uint64_t return_mask = 0;
};

constexpr unsigned long kPagemapScan = _IOWR('f', 16, ScanArguments);
constexpr std::uint64_t kIsPresent = 1 << 3;
constexpr std::uint64_t kIsZeroPage = 1 << 5;

/// Calls visit(first, end) with what proc_pid_pagemap(5) says of the range, 64 bits a page, in
/// parts until it returns false. False when it did, and where the file cannot be read.
template <typename Visit>
bool for_each_page(const void* address, std::size_t bytes, Visit visit) noexcept {
  const Pagemap file;
  if (file.descriptor() < 0) return false;
  std::uint64_t pages[2048];
  std::size_t next = reinterpret_cast<std::uintptr_t>(address) / page_bytes();
  const std::size_t end = next + bytes / page_bytes();
  bool goes_on = true;
  while (goes_on && next != end) {
    const std::size_t count = std::min(end - next, sizeof pages / sizeof pages[0]);
    const auto size = static_cast<ssize_t>(count * sizeof pages[0]);
    goes_on = pread(file.descriptor(), pages, count * sizeof pages[0],
                    static_cast<off_t>(next * sizeof pages[0])) == size &&
              visit(pages, pages + count);
    next += count;
  }
  return goes_on;
}

/// Whether a page is resident and this process's own: not shared, nor the one page of zeros.
bool is_private(std::uint64_t page) noexcept {
  constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
  constexpr std::uint64_t kExclusive = std::uint64_t{1} << 56;
  return (page & (kPresent | kExclusive)) == (kPresent | kExclusive);
}

}  // namespace

bool count_resident(const void* address, std::size_t bytes, std::size_t* pages) noexcept {
  const Pagemap file;
  if (file.descriptor() < 0) return false;
  PageRegion regions[32];
  ScanArguments scan;
  scan.start = reinterpret_cast<std::uintptr_t>(address);
  scan.end = scan.start + bytes;
  scan.regions = reinterpret_cast<std::uintptr_t>(regions);
  scan.regions_length = sizeof regions / sizeof regions[0];
  scan.category_inverted = kIsZeroPage;
  scan.category_mask = kIsPresent | kIsZeroPage;
  scan.return_mask = kIsPresent;
  *pages = 0;
  while (scan.start < scan.end) {
    const int found = ioctl(file.descriptor(), kPagemapScan, &scan);
    if (found < 0) return false;
    for (int i = 0; i < found; ++i) *pages += (regions[i].end - regions[i].start) / page_bytes();
    scan.start = scan.walk_end;
  }
  return true;
}

bool count_private(const void* address, std::size_t bytes, std::size_t* pages) noexcept {
  *pages = 0;
  return for_each_page(address, bytes, [=](const std::uint64_t* page, const std::uint64_t* end) {
    *pages += static_cast<std::size_t>(std::count_if(page, end, is_private));
    return true;
  });
}

bool are_all_private(const void* address, std::size_t bytes) noexcept {
  return for_each_page(address, bytes, [](const std::uint64_t* page, const std::uint64_t* end) {
    return std::all_of(page, end, is_private);
  });
}

}  // namespace zerofill::os
