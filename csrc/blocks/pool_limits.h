// How much the pool may hold.
#pragma once

#include <cstddef>

namespace zerofill::blocks {

/// Bytes that the pool may hold. By default twice what was in use lately: the blocks themselves
/// once they are freed, and a spare one for each that is being scrubbed meanwhile.
std::size_t limit_bytes() noexcept;

/// What memory may lie idle in any case, by the memory and the addresses that there are.
std::size_t most_idle_bytes() noexcept;

/// The part of the pool, and of the heap, that the system cannot take. Freeing a block lazily and
/// looking for missing pages takes some microseconds, which loops over a few small arrays need not
/// pay.
std::size_t held_limit_bytes() noexcept;

/// Whether so many shared blocks may be in the pool, and so many bytes held with them. The system
/// cannot take the pages of shared ones, so they are few beside what the process may use, and
/// memory that runs short is seen in time. Each has one of the process's descriptors.
bool may_pool_shared(int blocks, std::size_t held_bytes) noexcept;

}  // namespace zerofill::blocks
