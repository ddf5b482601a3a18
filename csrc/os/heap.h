// Contract: the heap of the C library, malloc(3).
#pragma once

namespace zerofill::os {

/// Returns the free pages of the heap to the system, where the C library can do that. Any thread
/// may call.
void trim_heap() noexcept;

}  // namespace zerofill::os
