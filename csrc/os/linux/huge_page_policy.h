// Contract: what the kernel says of transparent huge pages (admin-guide/mm/transhuge). Linux alone.
#pragma once

#include <cstddef>

namespace zerofill::os {

/// A word of the kernel's.
using Policy = char[16];

/// Reads the policy that is in force from one of the kernel's files: "always [madvise] never".
/// False where there is no such file.
bool read_policy(const char* name, Policy* policy) noexcept;

/// The size of a huge page in bytes; 0 where that is not known.
std::size_t read_huge_page_bytes() noexcept;

/// A policy, and that of the size, which may be to do as the other says (Linux 6.8 and newer).
/// pre: `file` is "enabled" or "shmem_enabled". "unsupported" where there are no huge pages. True
/// where it is the size's own.
bool read_policy_of_size(const char* file, std::size_t huge_page_bytes, Policy* policy) noexcept;

}  // namespace zerofill::os
