// Contract: which pages of a range are resident, from /proc/self/pagemap. For os/linux/ alone.
#pragma once

#include <cstddef>

namespace zerofill::os {

/// How many of the pages are resident and not the one page of zeros that all processes share. A
/// page counts also if another process has it too. False where the kernel has no such call
/// (Linux 6.7).
bool count_resident(const void* address, std::size_t bytes, std::size_t* pages) noexcept;

/// How many of the pages are resident and this process's alone. False where that cannot be read.
bool count_private(const void* address, std::size_t bytes, std::size_t* pages) noexcept;

/// Whether all of them are. Stops at the first that is not.
bool are_all_private(const void* address, std::size_t bytes) noexcept;

}  // namespace zerofill::os
