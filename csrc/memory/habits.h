// Contract: what owners of zeros have done with them lately, by their number. Whoever
// fills such an array is likely to fill the next one, which dirty memory can then be zeroed for.
//
// Every function may be called from any thread. None takes a lock.
#pragma once

#include <cstddef>

namespace zerofill::memory {

/// Says whether the owner of so many zeros wrote to all of them.
void note_use_of_zeros(std::size_t bytes, bool all_written) noexcept;

/// Whether the last owner of about so many zeros, who got fresh ones, wrote to all of them, not
/// longer ago than idle blocks are kept. So who does something else now is found out soon.
bool zeros_were_filled_lately(std::size_t bytes) noexcept;

}  // namespace zerofill::memory
