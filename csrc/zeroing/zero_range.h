// Contract: writing zeros over a contiguous range of writable memory.
#pragma once

#include <cstddef>

#include "team/team.h"
#include "zeroing/plan.h"

namespace zerofill::zeroing {

/// Zeroes a range and counts its bytes. Throws Interrupted when the poll says stop; the range is
/// then partly zeroed.
void zero_range(std::byte* address, std::size_t bytes, const team::Poll& poll);

/// Zeroes one chunk of a plan for zeroing, in the calling thread, without counting it.
void zero_chunk(std::byte* address, std::size_t bytes, const Plan& plan) noexcept;

}  // namespace zerofill::zeroing
