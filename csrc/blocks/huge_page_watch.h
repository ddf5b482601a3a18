// Contract: whether to ask the system for huge pages. Asking costs time where memory is fragmented:
// each fault looks for a huge page and moves other pages about (compaction), and may find none.
// Private and shared memory are watched separately.
#pragma once

#include <chrono>

namespace zerofill::blocks {

enum class Sharing { no, yes };

/// Whether the option allows them, and the system has neither refused them nor taken long to make
/// them a short while ago.
bool should_ask_for_huge_pages(Sharing sharing = Sharing::no) noexcept;

/// Tells what came of asking for one huge page: whether it was granted, and the CPU time it took.
void note_huge_page(bool granted, std::chrono::nanoseconds cpu_time,
                    Sharing sharing = Sharing::no) noexcept;

}  // namespace zerofill::blocks
