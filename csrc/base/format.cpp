#include "base/format.h"

#include <cmath>
#include <cstdio>

namespace zerofill {

void format_bytes(double bytes, char* text, std::size_t capacity) noexcept {
  static const char* const kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  constexpr int kLastUnit = 6;
  int unit = 0;
  for (; unit < kLastUnit && bytes >= 1024; ++unit) bytes /= 1024;
  if (unit > 0 && unit < kLastUnit && std::nearbyint(bytes) == 1024) {
    bytes = 1;  // 1023.9 KiB is read as 1.00 MiB
    ++unit;
  }
  const bool fits_three_figures = unit > 0 && std::nearbyint(bytes) < 1000;
  std::snprintf(text, capacity, fits_three_figures ? "%#.3g %s" : "%.0f %s", bytes, kUnits[unit]);
}

}  // namespace zerofill
