// Contract: which allocation starts at an address. A look-up takes no lock and reads none of the
// memory that it asks about.
//
// Every function may be called from any thread, but two threads never at once about one allocation.
// The name is snmalloc's; jemalloc calls it emap.
#pragma once

#include <cstddef>

#include "alloc/allocation.h"

namespace zerofill::alloc::page_map {

/// Makes sure that insert() can take an allocation that starts there. False when there is no memory
/// for that.
bool reserve(const std::byte* data) noexcept;

/// Enters an allocation of at least blocks::kBlockUnit bytes: no other one starts in the same unit
/// of addresses. pre: reserve() said yes to its address, or it was in the map before.
void insert(Allocation* allocation) noexcept;

void erase(const Allocation* allocation) noexcept;

/// Null when no allocation starts in that unit of addresses.
Allocation* find(const void* data) noexcept;

}  // namespace zerofill::alloc::page_map
