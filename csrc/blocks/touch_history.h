// Contract: whether owners of zeros have lately touched all of them, by the size of the zeros.
// Whoever fills an array is likely to fill the next one of that size, and a dirty block can be
// zeroed for it.
//
// Every function may be called from any thread. None takes a lock.
#pragma once

#include <cstddef>

namespace zerofill::blocks::touch_history {

/// Remembers whether the owner of so many zeros wrote to all of them.
void record(std::size_t bytes, bool all_written) noexcept;

/// Whether the last owner of about so many fresh zeros wrote to all of them, no longer ago than
/// blocks stay in the pool. A wrong prediction is corrected when the next such block is freed.
bool predicts_full_touch(std::size_t bytes) noexcept;

}  // namespace zerofill::blocks::touch_history
