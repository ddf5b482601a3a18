// Untried on Windows itself (compiled with MinGW-w64, run under Wine).
#include "os/pages.h"

#include <algorithm>
#include <cstddef>

#include "base/align.h"
#include "base/checked.h"
#include "os/windows/system.h"

namespace zerofill::os {
namespace {

using VirtualAlloc2Function = PVOID(WINAPI*)(HANDLE, PVOID, SIZE_T, ULONG, ULONG,
                                             MEM_EXTENDED_PARAMETER*, ULONG);

// Another thread can take the address between release and retry, but hardly each time.
constexpr int kRetries = 16;

const SYSTEM_INFO& system_info() noexcept {
  static const SYSTEM_INFO instance = [] {
    SYSTEM_INFO info{};
    GetSystemInfo(&info);
    return info;
  }();
  return instance;
}

/// VirtualAlloc() places every mapping on a multiple of this (64 KiB).
std::size_t granularity_bytes() noexcept { return system_info().dwAllocationGranularity; }

int mapping_error() noexcept {
  // A size beyond the address space is an invalid parameter to Windows. All others are valid here.
  const int error = last_error();
  return error == EINVAL ? ENOMEM : error;
}

void* map_at(void* wanted, std::size_t bytes) noexcept {
  // Committed pages are charged against the commit limit now, and made resident when touched.
  return VirtualAlloc(wanted, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

/// pre: alignment is at least the granularity.
void* map_aligned(VirtualAlloc2Function allocate, std::size_t bytes,
                  std::size_t alignment) noexcept {
  MEM_ADDRESS_REQUIREMENTS requirements{};
  requirements.Alignment = alignment;
  MEM_EXTENDED_PARAMETER parameter{};
  parameter.Type = MemExtendedParameterAddressRequirements;
  parameter.Pointer = &requirements;
  return allocate(GetCurrentProcess(), nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE,
                  &parameter, 1);
}

/// An aligned address with `padded` free bytes around it, free again by now; null when there is
/// no such room.
void* find_room(std::size_t padded, std::size_t alignment) noexcept {
  void* room = VirtualAlloc(nullptr, padded, MEM_RESERVE, PAGE_NOACCESS);
  if (room == nullptr) return nullptr;
  VirtualFree(room, 0, MEM_RELEASE);
  return align_up(static_cast<std::byte*>(room), alignment);
}

/// For Windows before version 10. A mapping can only be released as a whole: its ends cannot be
/// trimmed, so the address is found first and mapped second.
int map_by_retrying(std::size_t bytes, std::size_t alignment, void** address) noexcept {
  std::size_t padded;
  if (!checked_add(bytes, alignment - granularity_bytes(), &padded)) return ENOMEM;
  for (int tries = 0; tries < kRetries; ++tries) {
    void* wanted = find_room(padded, alignment);
    void* mapping = wanted != nullptr ? map_at(wanted, bytes) : nullptr;
    if (mapping != nullptr) {
      *address = mapping;
      return 0;
    }
    if (GetLastError() != ERROR_INVALID_ADDRESS) return mapping_error();
  }
  return ENOMEM;
}

}  // namespace

std::size_t page_bytes() noexcept { return system_info().dwPageSize; }

// Large pages need a privilege that few accounts have, and are resident from the start.
std::size_t huge_page_bytes() noexcept { return 0; }

const char* huge_page_policy() noexcept { return "unsupported"; }

int map_pages(std::size_t bytes, std::size_t alignment, const char* /*name*/, void** address,
              Reserve /*reserve*/) noexcept {
  static const auto allocate = find_function<VirtualAlloc2Function>("VirtualAlloc2");
  const bool any_place_fits = alignment <= granularity_bytes();
  if (!any_place_fits && allocate == nullptr) return map_by_retrying(bytes, alignment, address);
  void* mapping = any_place_fits ? map_at(nullptr, bytes) : map_aligned(allocate, bytes, alignment);
  if (mapping == nullptr) return mapping_error();
  *address = mapping;
  return 0;
}

int unmap_pages(void* address, std::size_t /*bytes*/) noexcept {
  // Releasing asks for a size of 0 and takes the whole mapping.
  return VirtualFree(address, 0, MEM_RELEASE) ? 0 : last_error();
}

int advise_huge_pages(void* /*address*/, std::size_t /*bytes*/) noexcept { return ENOTSUP; }

bool is_huge_page_granted(void* /*address*/) noexcept { return false; }

unsigned long long count_compactions() noexcept { return 0; }

int advise_no_huge_pages(void* /*address*/, std::size_t /*bytes*/) noexcept { return 0; }

int discard_pages(void* address, std::size_t bytes) noexcept {
  if (bytes == 0) return 0;  // which means the whole mapping to VirtualFree
  if (!VirtualFree(address, bytes, MEM_DECOMMIT)) return last_error();
  return VirtualAlloc(address, bytes, MEM_COMMIT, PAGE_READWRITE) != nullptr ? 0 : last_error();
}

int populate_pages(void* /*address*/, std::size_t /*bytes*/) noexcept { return ENOTSUP; }

int free_pages_lazily(void* /*address*/, std::size_t /*bytes*/) noexcept { return ENOTSUP; }

std::size_t missing_bytes(void* /*address*/, std::size_t bytes) noexcept { return bytes; }

int reset_advice(void* /*address*/, std::size_t /*bytes*/) noexcept { return 0; }

bool are_private_resident(void* address, std::size_t bytes) noexcept {
  using QueryFunction = BOOL(WINAPI*)(HANDLE, PVOID, DWORD);
  static const auto query = find_function<QueryFunction>("K32QueryWorkingSetEx");
  if (query == nullptr) return false;
  constexpr std::size_t kPages = 256;
  PSAPI_WORKING_SET_EX_INFORMATION pages[kPages];
  const std::size_t count = bytes / page_bytes();
  for (std::size_t done = 0; done < count; done += kPages) {
    const std::size_t part = std::min(count - done, kPages);
    for (std::size_t i = 0; i < part; ++i) {
      pages[i].VirtualAddress = static_cast<std::byte*>(address) + (done + i) * page_bytes();
    }
    const auto size = static_cast<DWORD>(part * sizeof pages[0]);
    if (!query(GetCurrentProcess(), pages, size)) return false;
    const auto is_unwritten = [](const auto& page) { return !page.VirtualAttributes.Valid; };
    if (std::any_of(pages, pages + part, is_unwritten)) return false;
  }
  return true;
}

int shrink_pages(void* address, std::size_t bytes, std::size_t new_bytes) noexcept {
  // The mapping keeps the addresses, because it can only be released as a whole.
  if (bytes == new_bytes) return 0;
  auto* tail = static_cast<std::byte*>(address) + new_bytes;
  return VirtualFree(tail, bytes - new_bytes, MEM_DECOMMIT) ? 0 : last_error();
}

int grow_pages(void* /*address*/, std::size_t /*bytes*/, std::size_t /*new_bytes*/) noexcept {
  return ENOTSUP;
}

int remap_pages(void* /*from*/, std::size_t /*from_bytes*/, void* /*to*/, std::size_t /*to_bytes*/,
                bool* is_lost) noexcept {
  *is_lost = false;
  return ENOTSUP;
}

}  // namespace zerofill::os
