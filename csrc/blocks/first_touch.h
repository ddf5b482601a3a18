// Contract: making fresh pages resident.
#pragma once

#include "blocks/block.h"
#include "blocks/budget.h"
#include "team/team.h"

namespace zerofill::blocks {

/// Makes every page of a fresh block resident without writing more to it than the system needs.
/// Throws Interrupted when the poll says stop; the block is then partly resident.
/// pre: block->content is zero. post: block->residency is all, its content still zero, and
/// block->huge_pages says whether the system granted them.
void make_resident(Block* block, Reservation* reservation, const team::Poll& poll);

/// Whether the system refused huge pages, or took long to make them, a short while ago. Asking for
/// them costs time then: each fault looks for one and moves other pages about (compaction).
bool are_huge_pages_scarce() noexcept;

/// Writes to each page, which makes a fresh one resident. It is zero already and stays so.
void touch_pages(std::byte* address, std::size_t bytes) noexcept;

}  // namespace zerofill::blocks
