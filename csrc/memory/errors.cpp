#include "memory/errors.h"

#include <cstdio>
#include <system_error>

namespace zerofill::memory {
namespace {

/// `bytes` with three significant figures and a binary unit.
void format_bytes(std::size_t bytes, char* text, std::size_t capacity) noexcept {
  static const char* const kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 6; ++unit) value /= 1024;
  std::snprintf(text, capacity, unit == 0 ? "%.0f %s" : "%.3g %s", value, kUnits[unit]);
}

}  // namespace

OutOfMemory::OutOfMemory(std::size_t requested_bytes, int error) noexcept
    : requested_bytes_(requested_bytes), lazy_would_do_(false) {
  char words[160] = "no reason given";
  try {
    std::snprintf(words, sizeof words, "%s", std::generic_category().message(error).c_str());
  } catch (...) {  // no memory for the words either
  }
  std::snprintf(text_, sizeof text_, "the system refused the mapping (%s)", words);
}

OutOfMemory::OutOfMemory(std::size_t requested_bytes, std::size_t available_bytes,
                         const char* limit) noexcept
    : requested_bytes_(requested_bytes), lazy_would_do_(true) {
  char available[32];
  format_bytes(available_bytes, available, sizeof available);
  std::snprintf(text_, sizeof text_, "%s can still be used (%s)", available, limit);
}

}  // namespace zerofill::memory
