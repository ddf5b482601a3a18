// Contract: who has the memory at an address: a segment of small memory, or an allocation that
// starts there. A look-up takes no lock and reads none of the memory that it asks about.
//
// Every function may be called from any thread, but two threads never at once about one address.
// The name is snmalloc's; jemalloc calls it emap.
#pragma once

#include <cstddef>

namespace zerofill::alloc {
class Allocation;
}

namespace zerofill::heap {

struct Segment;

namespace page_map {

/// At most one of the two is not null.
struct Entry {
  Segment* segment;
  alloc::Allocation* allocation;
};

/// Makes sure that insert() can take an allocation that starts there. False when there is no memory
/// for that.
bool reserve(const std::byte* data) noexcept;

/// Enters an allocation of at least blocks::kBlockUnit bytes: no other one starts in the same unit
/// of addresses. pre: reserve() said yes to its address, or it was in the map before.
void insert(const std::byte* data, alloc::Allocation* allocation) noexcept;

/// Enters a segment, which starts at a unit and ends with one. False when there is no memory for
/// that.
bool insert(const std::byte* address, std::size_t bytes, Segment* segment) noexcept;

void erase(const std::byte* data) noexcept;
void erase(const std::byte* address, std::size_t bytes) noexcept;

/// Who has that unit of addresses; nobody where it was not entered.
Entry find(const void* data) noexcept;

}  // namespace page_map
}  // namespace zerofill::heap
