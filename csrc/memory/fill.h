// Contract: carrying out what a range of memory lacks. Every function throws Interrupted when the
// poll stops it; the range is then partly done.
#pragma once

#include <cstddef>

#include "memory/block.h"
#include "memory/budget.h"
#include "memory/plan.h"
#include "team/team.h"

namespace zerofill::memory {

/// Makes every page of a fresh block resident without writing to it more than the system must.
/// pre: block.content is zero. post: block.residency is all, its content still zero.
void make_resident(Block* block, Reservation* reservation, const team::Poll& poll);

/// Zeroes one chunk of a plan for zeroing, in the calling thread, without counting it.
void zero_chunk(std::byte* address, std::size_t bytes, const Plan& plan) noexcept;

/// Zeroes a contiguous range of writable memory.
void zero(std::byte* address, std::size_t bytes, const team::Poll& poll);

}  // namespace zerofill::memory
