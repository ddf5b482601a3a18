// Contract: whether to ask the system for huge pages, by a fault or by collapsing small ones.
// Asking costs time where memory is fragmented: each fault looks for a huge page and moves other
// pages about (compaction), and may find none.
#pragma once

#include <chrono>
#include <cstddef>

namespace zerofill::blocks {

/// Whether the option allows them, and the system has neither refused them nor taken long to make
/// them a short while ago.
bool should_ask_for_huge_pages() noexcept;

/// Tells what came of asking for one huge page: whether it was granted, and the CPU time it took.
void note_huge_page(bool granted, std::chrono::nanoseconds cpu_time) noexcept;

/// The same two for pages of shared memory that are collapsed, several by one call.
bool should_collapse() noexcept;
void note_collapse(bool granted, std::chrono::nanoseconds time, std::size_t pages) noexcept;

}  // namespace zerofill::blocks
