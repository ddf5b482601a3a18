// Contract: making fresh pages resident.
#pragma once

#include <atomic>
#include <cstddef>

#include "blocks/block.h"
#include "blocks/budget.h"
#include "team/team.h"

namespace zerofill::blocks {

/// How the pages of one fresh block are made resident, by any number of threads at once.
class FirstTouch {
 public:
  /// pre: block->content is zero. The block is not moved meanwhile.
  explicit FirstTouch(Block* block) noexcept : block_(block), asks_(block->huge_pages) {}

  /// Makes a chunk resident. Chunks start at multiples of a huge page's size, and are one.
  void make(std::size_t start, std::size_t bytes) noexcept;

  /// Says that all chunks were made. post: block->residency is all, and block->huge_pages says
  /// whether the system granted them.
  void finish() noexcept;

 private:
  void make_huge(std::byte* address, std::size_t bytes) noexcept;
  void make_small(std::byte* address, std::size_t bytes) noexcept;
  void give_up() noexcept;

  Block* block_;
  std::atomic<bool> asks_;            ///< for huge pages
  std::atomic<bool> granted_{false};  ///< one at least
  std::atomic<bool> populates_{true};
};

/// Makes every page of a fresh block resident without writing more to it than the system needs.
/// Throws Interrupted when the poll says stop; the block is then partly resident.
/// pre and post as of FirstTouch.
void make_resident(Block* block, Reservation* reservation, const team::Poll& poll);

/// Writes to each page, which makes a fresh one resident. It is zero already and stays so.
void touch_pages(std::byte* address, std::size_t bytes) noexcept;

}  // namespace zerofill::blocks
