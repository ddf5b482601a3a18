// Contract: looking for writes after free.
#pragma once

#include <cstddef>

#include "team/team.h"

namespace zerofill::memory {

/// Reads a range that is known to be zero, and reports on standard error where it is not. True when
/// it is zero. Throws Interrupted when the poll stops it.
bool passes_audit(const std::byte* address, std::size_t bytes, const team::Poll& poll);

}  // namespace zerofill::memory
