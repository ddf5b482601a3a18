// Quantities written for people.
#pragma once

#include <cstddef>

namespace zerofill {

/// Writes a number of bytes as NumPy's MemoryError does: three significant figures and a binary
/// unit, "8.00 TiB" or "12 bytes". A double, because it may exceed any integer.
void format_bytes(double bytes, char* text, std::size_t capacity) noexcept;

}  // namespace zerofill
