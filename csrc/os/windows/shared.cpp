// Untried on Windows itself (compiled with MinGW-w64).
#include "os/shared.h"

#include <cerrno>
#include <cstdint>

#include "base/align.h"
#include "base/checked.h"
#include "os/windows/system.h"

namespace zerofill::os {
namespace {

// Another thread can take the address between release and mapping, but hardly each time.
constexpr int kRetries = 16;

HANDLE as_handle(SharedHandle handle) noexcept { return reinterpret_cast<HANDLE>(handle); }

void* map_at(HANDLE handle, void* wanted) noexcept {
  return MapViewOfFileEx(handle, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 0, wanted);
}

/// An aligned address with `bytes` free bytes behind it, free again by now; null when there are
/// none.
void* find_room(std::size_t bytes, std::size_t alignment) noexcept {
  std::size_t padded;
  if (!checked_add(bytes, alignment, &padded)) return nullptr;
  void* room = VirtualAlloc(nullptr, padded, MEM_RESERVE, PAGE_NOACCESS);
  if (room == nullptr) return nullptr;
  VirtualFree(room, 0, MEM_RELEASE);
  return align_up(static_cast<std::byte*>(room), alignment);
}

}  // namespace

int create_shared(std::size_t bytes, const char* /*name*/, SharedHandle* handle) noexcept {
  const auto size = static_cast<std::uint64_t>(bytes);
  const HANDLE created =
      CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE | SEC_COMMIT,
                         static_cast<DWORD>(size >> 32), static_cast<DWORD>(size), nullptr);
  if (created == nullptr) return last_error() == EINVAL ? ENOMEM : last_error();
  *handle = reinterpret_cast<SharedHandle>(created);
  return 0;
}

// Only a view of it says how large it is.
int find_shared_bytes(SharedHandle handle, std::size_t* bytes) noexcept {
  void* view = map_at(as_handle(handle), nullptr);
  if (view == nullptr) return last_error();
  MEMORY_BASIC_INFORMATION found{};
  const bool known = VirtualQuery(view, &found, sizeof found) != 0;
  UnmapViewOfFile(view);
  if (!known) return EINVAL;
  *bytes = found.RegionSize;
  return 0;
}

int map_shared(SharedHandle handle, std::size_t bytes, std::size_t alignment,
               void** address) noexcept {
  void* mapping = map_at(as_handle(handle), nullptr);
  for (int tries = 0; mapping != nullptr && tries < kRetries; ++tries) {
    if (reinterpret_cast<std::uintptr_t>(mapping) % alignment == 0) {
      *address = mapping;
      return 0;
    }
    UnmapViewOfFile(mapping);
    mapping = map_at(as_handle(handle), find_room(bytes, alignment));
  }
  if (mapping == nullptr) return last_error();
  UnmapViewOfFile(mapping);
  return ENOMEM;
}

int unmap_shared(void* address, std::size_t /*bytes*/) noexcept {
  return UnmapViewOfFile(address) ? 0 : last_error();
}

int protect_shared(void* address, std::size_t bytes) noexcept {
  DWORD before = 0;
  return VirtualProtect(address, bytes, PAGE_READONLY, &before) ? 0 : last_error();
}

// Its pages are committed, so they are always had.
int allocate_shared(SharedHandle /*handle*/, std::size_t /*start*/,
                    std::size_t /*bytes*/) noexcept {
  return 0;
}

int open_shared(const char* /*path*/, SharedHandle* /*handle*/) noexcept { return ENOTSUP; }

bool is_only_holder(SharedHandle /*handle*/) noexcept { return false; }

bool find_shared_path(SharedHandle /*handle*/, char* /*path*/, std::size_t /*capacity*/) noexcept {
  return false;
}

void close_shared(SharedHandle handle) noexcept { CloseHandle(as_handle(handle)); }

bool can_shared_be_lazy() noexcept { return true; }

const char* shared_huge_page_policy() noexcept { return "unsupported"; }

bool has_shared_huge_pages() noexcept { return false; }

bool are_shared_faults_huge() noexcept { return false; }

bool can_collapse_shared() noexcept { return false; }

int collapse_shared(void* /*address*/, std::size_t /*bytes*/) noexcept { return ENOTSUP; }

std::size_t most_handles() noexcept { return SIZE_MAX; }

std::size_t largest_shared_bytes() noexcept { return SIZE_MAX; }

}  // namespace zerofill::os
