// Untried on Windows itself (compiled with MinGW-w64, run under Wine).
#include "os/limits.h"

#include <cstdio>

#include "os/windows/system.h"

namespace zerofill::os {
namespace {

void set(std::uint64_t available, std::uint64_t total, const char* source,
         MemoryBudget* budget) noexcept {
  budget->available_bytes = available;
  budget->total_bytes = total;
  std::snprintf(budget->source, sizeof budget->source, "%s", source);
}

void tighten(std::uint64_t used, std::uint64_t limit, const char* source,
             MemoryBudget* budget) noexcept {
  const std::uint64_t available = limit > used ? limit - used : 0;
  if (available < budget->available_bytes) set(available, limit, source, budget);
}

/// Bytes that this process has committed: what the limits of a job are compared with.
bool read_committed(std::uint64_t* bytes) noexcept {
  PROCESS_MEMORY_COUNTERS counters{};
  counters.cb = sizeof counters;
  if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)) return false;
  // The documentation calls PrivateUsage of the longer structure the same; Wine fills only this.
  *bytes = counters.PagefileUsage;
  return true;
}

/// Only the innermost of nested jobs can be asked, and what the other processes of the job have
/// committed is not seen: the limit of the whole job is met earlier than this says.
void tighten_to_job(MemoryBudget* budget) noexcept {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
  std::uint64_t committed = 0;
  // Fails also where the process is in no job.
  if (!QueryInformationJobObject(nullptr, JobObjectExtendedLimitInformation, &limits, sizeof limits,
                                 nullptr)) {
    return;
  }
  if (!read_committed(&committed)) return;
  const DWORD set_limits = limits.BasicLimitInformation.LimitFlags;
  if ((set_limits & JOB_OBJECT_LIMIT_PROCESS_MEMORY) != 0) {
    tighten(committed, limits.ProcessMemoryLimit, "process memory limit of the job", budget);
  }
  if ((set_limits & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0) {
    tighten(committed, limits.JobMemoryLimit, "memory limit of the job", budget);
  }
}

}  // namespace

std::size_t addresses_left() noexcept { return SIZE_MAX; }

int read_memory_budget(MemoryBudget* budget) noexcept {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  if (!GlobalMemoryStatusEx(&status)) return last_error();
  set(status.ullAvailPhys, status.ullTotalPhys, "available memory of this machine", budget);
  // What Windows calls the page file here is the commit limit: memory and page files together.
  if (status.ullAvailPageFile < budget->available_bytes) {
    set(status.ullAvailPageFile, status.ullTotalPageFile, "commit limit of this machine", budget);
  }
  tighten_to_job(budget);
  return 0;
}

}  // namespace zerofill::os
