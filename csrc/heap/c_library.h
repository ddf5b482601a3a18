// Contract: memory of the C library, for where no segment can be mapped: near the system's limit of
// mappings (vm.max_map_count), or of addresses (RLIMIT_AS), malloc(3) may still have some.
//
// Every function may be called from any thread.
#pragma once

#include <cstddef>

namespace zerofill::heap::c_library {

/// Memory of so many bytes that may hold anything; null when there is none.
void* allocate(std::size_t bytes, std::size_t alignment) noexcept;

std::size_t capacity(const void* memory) noexcept;

void free(void* memory) noexcept;

}  // namespace zerofill::heap::c_library
