#include "python/memory_error.h"

#include <cmath>
#include <cstdio>

namespace zerofill::python {
namespace {

/// A size as NumPy's own MemoryError writes it: three significant figures, binary units.
void format_size(double bytes, char* text, std::size_t capacity) {
  static const char* const kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  while (unit < 6 && bytes >= 1024) {
    bytes /= 1024;
    ++unit;
  }
  if (unit < 6 && unit > 0 && std::nearbyint(bytes) == 1024) {
    bytes = 1;
    ++unit;
  }
  const char* format = unit == 0                      ? "%.0f %s"
                       : std::nearbyint(bytes) < 1000 ? "%#.3g %s"
                                                      : "%#.0f %s";
  std::snprintf(text, capacity, format, bytes, kUnits[unit]);
}

}  // namespace

void raise_memory_error(double nbytes, const Reference& whom, const memory::OutOfMemory& error) {
  if (!whom) return;
  char size[64];
  format_size(nbytes, size, sizeof size);
  PyErr_Format(
      PyExc_MemoryError, "Unable to allocate %s for %U: %s%s", size, whom.get(), error.what(),
      error.lazy_would_do() ? "; commit=\"lazy\" would take memory only as pages are touched" : "");
}

}  // namespace zerofill::python
