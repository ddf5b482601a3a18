// Contract: pages of memory from the operating system.
//
// Every function may be called from any thread. Those that return an int return 0 on success and
// an errno value otherwise, and change nothing when they fail unless they say so. Addresses and
// sizes given to them lie within one mapping made by map_pages and are multiples of page_bytes().
#pragma once

#include <cstddef>

namespace zerofill::os {

/// Size of a page, in bytes.
std::size_t page_bytes() noexcept;

/// Size of a huge page, in bytes; 0 where the system has none or never grants them.
std::size_t huge_page_bytes() noexcept;

/// What the system says of transparent huge pages, in its own words ("madvise", "never", ...);
/// "unsupported" where it has none.
const char* huge_page_policy() noexcept;

/// Whether the system sets memory aside for pages when they are mapped (MAP_NORESERVE). By default
/// Linux refuses a mapping that exceeds its memory, unless nothing is.
enum class Reserve { yes, no };

/// Maps `bytes` of fresh pages: they read as zero and none of them is resident.
/// pre: bytes > 0 and a multiple of page_bytes(); alignment is a power of two.
/// post: *address is a multiple of max(alignment, page_bytes()). The system's list of mappings
/// shows `name`, where it has names.
int map_pages(std::size_t bytes, std::size_t alignment, const char* name, void** address,
              Reserve reserve = Reserve::yes) noexcept;

/// Unmaps a whole mapping. Where the system's limit of mappings forbids that, it discards the pages
/// and keeps the addresses, and succeeds. When it fails, the pages may hold anything.
int unmap_pages(void* address, std::size_t bytes) noexcept;

/// Asks for huge pages in this range. Success does not mean that the system will find any.
int advise_huge_pages(void* address, std::size_t bytes) noexcept;

/// Whether the page is on a huge page, the first byte of which was just touched and nothing else of
/// it. False where the system does not say.
bool is_huge_page_granted(void* address) noexcept;

/// How often a request for a page had to wait while the system moved other pages about, since it
/// was started; 0 where it does not say. Takes a tenth of a millisecond.
unsigned long long count_compactions() noexcept;

/// Asks for no huge pages in this range. Does nothing where the system never gives them unasked.
int advise_no_huge_pages(void* address, std::size_t bytes) noexcept;

/// Discards the content of the range: its pages are fresh again, so they read as zero and are not
/// resident. Pages that are locked into memory are zeroed and stay resident. When it fails, the
/// range cannot be used any more.
int discard_pages(void* address, std::size_t bytes) noexcept;

/// Makes every page of the range resident without changing a byte, in one call of the system,
/// which may hold up other threads' mappings meanwhile: keep `bytes` small.
/// ENOTSUP where the system has no such call. Writing to the pages does the same.
int populate_pages(void* address, std::size_t bytes) noexcept;

/// Frees the pages lazily (MADV_FREE): the system takes them when memory runs short, however fast
/// that comes, and not before. A page that was taken reads as zero and is not resident; a page that
/// is written to stays. ENOTSUP where the system has no such call, and for locked pages.
int free_pages_lazily(void* address, std::size_t bytes) noexcept;

/// How many bytes of the range are on pages that are not resident, or not this process's alone as
/// in are_private_resident(). Linux 6.12 and newer take pages of zeros also by putting the shared
/// one in their place. All, where the system does not say.
std::size_t missing_bytes(void* address, std::size_t bytes) noexcept;

/// Undoes what the pages' user may have told the system about them: they can be read and written,
/// are copied to the child of a fork, and are not locked into memory.
int reset_advice(void* address, std::size_t bytes) noexcept;

/// Whether every page of the range is resident and this process's alone. Only a write makes a page
/// so: a page that was merely read is the one page of zeros that all processes share, and after a
/// fork pages are shared with the other process. False also where the system does not say.
bool are_private_resident(void* address, std::size_t bytes) noexcept;

/// Makes a mapping shorter: its last pages go back to the system.
int shrink_pages(void* address, std::size_t bytes, std::size_t new_bytes) noexcept;

/// Makes a mapping longer where it is, by fresh pages. ENOMEM where another mapping follows it;
/// remap_pages() may work then. ENOTSUP where the system has no such call.
int grow_pages(void* address, std::size_t bytes, std::size_t new_bytes) noexcept;

/// Moves the pages of one mapping to the start of a larger one, without copying a byte. The other
/// pages of the larger one are fresh.
/// post: `from` is unmapped. When it fails, `from` is as it was, and *is_lost says whether `to` is
/// lost: it may be unmapped then and its addresses another's, so nobody may use or unmap them.
int remap_pages(void* from, std::size_t from_bytes, void* to, std::size_t to_bytes,
                bool* is_lost) noexcept;

}  // namespace zerofill::os
