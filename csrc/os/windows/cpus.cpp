// Untried on Windows itself (compiled with MinGW-w64, run under Wine).
#include "os/cpus.h"

#include <algorithm>
#include <bitset>
#include <cstddef>
#include <memory>
#include <new>

#include "os/windows/system.h"

namespace zerofill::os {
namespace {

using Entry = SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX;

int machine_cpus() noexcept {
  return static_cast<int>(GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
}

int affinity_cpus() noexcept {
  DWORD_PTR process = 0;
  DWORD_PTR machine = 0;
  const bool read = GetProcessAffinityMask(GetCurrentProcess(), &process, &machine) != 0;
  // The mask covers one group of up to 64 processors, and is 0 when the process has threads in
  // several groups.
  if (!read || process == 0) return machine_cpus();
  return static_cast<int>(std::bitset<64>(process).count());
}

/// Processors' worth of time that the hard cap of the job allows; 0 for no cap.
double job_cpu_quota() noexcept {
  constexpr DWORD kHardCap =
      JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
  JOBOBJECT_CPU_RATE_CONTROL_INFORMATION control{};
  if (!QueryInformationJobObject(nullptr, JobObjectCpuRateControlInformation, &control,
                                 sizeof control, nullptr)) {
    return 0;
  }
  if ((control.ControlFlags & kHardCap) != kHardCap) return 0;
  return control.CpuRate / 10000.0 * machine_cpus();  // the rate is in 1/100 of a percent
}

/// The larger of `bytes` and the data cache in `entry`, when that is of the level.
std::size_t larger_cache(const Entry& entry, int level, std::size_t bytes) noexcept {
  const CACHE_RELATIONSHIP& cache = entry.Cache;
  const bool counts = entry.Relationship == RelationCache && cache.Type != CacheInstruction;
  if (!counts || cache.Level != level) return bytes;
  return std::max<std::size_t>(bytes, cache.CacheSize);
}

}  // namespace

int usable_cpus() noexcept {
  int cpus = affinity_cpus();
  const double quota = job_cpu_quota();
  // Rounded up, because a quota of 1.5 processors runs two threads three quarters of the time.
  if (quota > 0) cpus = std::min(cpus, static_cast<int>(quota + 0.999));
  return std::max(cpus, 1);
}

void read_cpu_name(char* text, std::size_t capacity) noexcept {
  const auto size = static_cast<DWORD>(capacity);
  const DWORD length = GetEnvironmentVariableA("PROCESSOR_IDENTIFIER", text, size);
  if (length == 0 || length >= size) *text = '\0';
}

std::size_t cache_bytes(int level) noexcept {
  DWORD length = 0;
  GetLogicalProcessorInformationEx(RelationCache, nullptr, &length);
  if (length == 0) return 0;
  const std::unique_ptr<std::byte[]> list(new (std::nothrow) std::byte[length]);
  auto* first = reinterpret_cast<Entry*>(list.get());
  if (first == nullptr || !GetLogicalProcessorInformationEx(RelationCache, first, &length)) {
    return 0;
  }
  std::size_t bytes = 0;
  // Entries differ in size, and each says its own.
  for (DWORD offset = 0; offset < length;) {
    const auto& entry = *reinterpret_cast<const Entry*>(list.get() + offset);
    bytes = larger_cache(entry, level, bytes);
    offset += entry.Size;
  }
  return bytes;
}

}  // namespace zerofill::os
