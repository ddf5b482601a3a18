// Untried on macOS (compiled against hand-written declarations only).
#include "os/limits.h"

#include <mach/mach.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "os/macos/sysctl.h"

namespace zerofill::os {
namespace {

bool read_statistics(vm_statistics64_data_t* statistics) noexcept {
  // The port is asked for each time, because it means nothing in the child of a fork.
  // Every call of mach_host_self() adds a reference, which the last line drops.
  const mach_port_t host = mach_host_self();
  mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
  const kern_return_t result =
      host_statistics64(host, HOST_VM_INFO64, reinterpret_cast<host_info64_t>(statistics), &count);
  mach_port_deallocate(mach_task_self(), host);
  return result == KERN_SUCCESS;
}

/// Pages that the kernel takes before it takes any that are in use. <mach/vm_statistics.h> says
/// that free_count includes speculative_count. Purgeable pages that are also inactive count twice.
std::uint64_t available_pages(const vm_statistics64_data_t& statistics) noexcept {
  return std::uint64_t{statistics.free_count} + statistics.inactive_count +
         statistics.purgeable_count;
}

}  // namespace

// The kernel answers a program a few times in a second (2 to 10: osfmk/kern/host.c), and then
// repeats itself until the second is over.
std::size_t addresses_left() noexcept { return SIZE_MAX; }

int read_memory_budget(MemoryBudget* budget) noexcept {
  const std::uint64_t total = read_sysctl("hw.memsize");
  vm_statistics64_data_t statistics{};
  if (total == 0 || !read_statistics(&statistics)) return EIO;
  // The figures are in the kernel's pages, which under Rosetta are larger than the program's.
  const std::uint64_t available = available_pages(statistics) * vm_kernel_page_size;
  budget->available_bytes = std::min(available, total);
  budget->total_bytes = total;
  std::snprintf(budget->source, sizeof budget->source, "free memory of this machine");
  return 0;
}

}  // namespace zerofill::os
