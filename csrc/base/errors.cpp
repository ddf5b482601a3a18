#include "base/errors.h"

#include <cstdio>
#include <system_error>

#include "base/format.h"

namespace zerofill {
OutOfMemory::OutOfMemory(int error) noexcept : lazy_would_do_(false) {
  char words[160];
  try {
    std::snprintf(words, sizeof words, "%s", std::generic_category().message(error).c_str());
  } catch (...) {  // there is no memory for the words either
    std::snprintf(words, sizeof words, "error %d", error);
  }
  std::snprintf(text_, sizeof text_, "the system refused the mapping (%s)", words);
}

OutOfMemory::OutOfMemory(std::size_t available_bytes, const char* limit) noexcept
    : lazy_would_do_(true) {
  char available[32];
  format_bytes(static_cast<double>(available_bytes), available, sizeof available);
  std::snprintf(text_, sizeof text_, "%s can still be used (%s)", available, limit);
}

OutOfMemory::OutOfMemory(const char* reason) noexcept : lazy_would_do_(false) {
  std::snprintf(text_, sizeof text_, "%s", reason);
}

}  // namespace zerofill
