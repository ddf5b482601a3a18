#include "heap/c_library.h"

#include <cstdlib>

#include "base/align.h"
#include "base/checked.h"

namespace zerofill::heap::c_library {
namespace {

/// Stands right before the memory.
struct Header {
  void* raw;  ///< what malloc(3) gave
  std::size_t capacity;
};

const Header* header_of(const void* memory) noexcept {
  return static_cast<const Header*>(memory) - 1;
}

}  // namespace

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  std::size_t all = 0;
  if (!checked_add(bytes, alignment + sizeof(Header), &all)) return nullptr;
  void* raw = std::malloc(all);
  if (raw == nullptr) return nullptr;
  std::byte* memory = align_up(static_cast<std::byte*>(raw) + sizeof(Header), alignment);
  *const_cast<Header*>(header_of(memory)) = {raw, bytes};
  return memory;
}

std::size_t capacity(const void* memory) noexcept { return header_of(memory)->capacity; }

void free(void* memory) noexcept { std::free(header_of(memory)->raw); }

}  // namespace zerofill::heap::c_library
