// Contract: memory without a name that several processes can map, from the operating system.
//
// It is there until the last process has closed and unmapped it, however that process ends. As in
// pages.h: any thread may call, an int is 0 or an errno value, and what fails changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zerofill::os {

/// How a process knows such memory: a file descriptor, or a HANDLE on Windows. A program that this
/// one starts does not inherit it; the child of a fork does.
using SharedHandle = std::intptr_t;
constexpr SharedHandle kNoSharedHandle = -1;

/// Creates `bytes` of zeros, of which no page is resident. Where the system can see to it, nobody
/// changes the size any more: whoever touched a page behind the end would be killed (SIGBUS).
/// EFBIG where the process may not have files of that size; EMFILE where it has too many open.
int create_shared(std::size_t bytes, const char* name, SharedHandle* handle) noexcept;

/// Opens such memory of another process by what find_shared_path() says there. What it opens may be
/// anything, which find_shared_bytes() tells. ENOTSUP where there are no such paths.
int open_shared(const char* path, SharedHandle* handle) noexcept;

/// The size of such memory that another process created. EINVAL where it is anything else, or is
/// not safe from getting shorter.
int find_shared_bytes(SharedHandle handle, std::size_t* bytes) noexcept;

/// Maps all of it, to be read and written. unmap_shared() takes it away again.
/// pre: `bytes` is its size; alignment is a power of two.
int map_shared(SharedHandle handle, std::size_t bytes, std::size_t alignment,
               void** address) noexcept;

int unmap_shared(void* address, std::size_t bytes) noexcept;

/// Makes pages of a mapping read-only.
int protect_shared(void* address, std::size_t bytes) noexcept;

/// Makes the pages of a part exist, so that touching them cannot fail. ENOMEM where there is no
/// memory for them; EINTR where a signal came first, and then none exists that did not before.
int allocate_shared(SharedHandle handle, std::size_t start, std::size_t bytes) noexcept;

/// Whether this process's handle is the only one that is open for the memory, and no other process
/// has mapped it. Children of a fork that have inherited the handle are not seen. False also where
/// the system does not say.
bool is_only_holder(SharedHandle handle) noexcept;

/// Writes the path of a file that other programs can open for the memory, while this process has
/// the handle. False where there is none.
bool find_shared_path(SharedHandle handle, char* path, std::size_t capacity) noexcept;

void close_shared(SharedHandle handle) noexcept;

/// Whether lazy shared memory can be touched without harm: a page for which there is no memory
/// would kill the process (SIGBUS).
bool can_shared_be_lazy() noexcept;

/// What the system says of huge pages for shared memory, in its own words ("advise", "never", ...);
/// "unsupported" where it has none.
const char* shared_huge_page_policy() noexcept;

/// Whether huge pages may be had for shared memory: at the first touch, or by collapse_shared().
bool has_shared_huge_pages() noexcept;

/// Whether the first touch gives some.
bool are_shared_faults_huge() noexcept;

/// Whether that does not, and collapse_shared() may.
bool can_collapse_shared() noexcept;

/// Makes huge pages of pages, whatever the system does at the first touch. Where not all could be
/// made, some may have been.
/// pre: `address` and `bytes` are multiples of a huge page's size, and the first page of each
/// exists.
int collapse_shared(void* address, std::size_t bytes) noexcept;

/// The most handles that the process may have, where it has such a limit (RLIMIT_NOFILE); else
/// SIZE_MAX.
std::size_t most_handles() noexcept;

/// The most bytes that shared memory may have, where the process has such a limit (RLIMIT_FSIZE);
/// else SIZE_MAX.
std::size_t largest_shared_bytes() noexcept;

}  // namespace zerofill::os
