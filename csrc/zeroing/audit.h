// Contract: looking for writes after free.
#pragma once

#include <cstddef>

#include "team/team.h"

namespace zerofill::zeroing {

/// Reads a range that should be zero, and reports the first byte that is not on standard error.
/// True when there is none. Throws Interrupted when the poll says stop.
bool verify_zero(const std::byte* address, std::size_t bytes, const team::Poll& poll);

}  // namespace zerofill::zeroing
