// Sizes that are used in more than one place.
#pragma once

#include <cstddef>

namespace zerofill {

constexpr std::size_t KiB = std::size_t{1} << 10;
constexpr std::size_t MiB = std::size_t{1} << 20;

/// A huge page of x86-64, and of aarch64 with pages of 4 KiB. Memory from this size on is large: it
/// gets pages of its own that start at a multiple of this unit, and work on it is cut into chunks
/// of one. Fixed, so that the limits between small and large are the same on every system; the size
/// that this one's huge pages really have is os::huge_page_bytes().
constexpr std::size_t kHugePageUnit = 2 * MiB;

}  // namespace zerofill
