// Contract: making fresh pages resident.
#pragma once

#include <atomic>
#include <cstddef>

#include "blocks/block.h"
#include "blocks/budget.h"
#include "team/team.h"

namespace zerofill::blocks {

/// Who may read and write a block while its pages are made.
enum class Users { none, some };

/// How the pages of one fresh block are made resident, by any number of threads at once.
class FirstTouch {
 public:
  /// pre: block->content is zero. The block is not moved meanwhile.
  explicit FirstTouch(Block* block, Users users = Users::none) noexcept;

  /// Whether small pages become huge ones, several chunks at once.
  bool collapses() const noexcept { return collapses_; }

  /// Makes all pages exist beforehand, where that saves time. What fails is for make() to say.
  /// Whether it was done.
  bool allocate_ahead() noexcept;

  /// Makes a chunk resident. Chunks start at multiples of a huge page's size, and are one, or
  /// several where it collapses. False where that cannot be done: for a block that is shared or has
  /// users.
  bool make(std::size_t start, std::size_t bytes) noexcept;

  /// Says that all chunks were made. post: block->residency is all, and block->huge_pages says
  /// whether the system granted them.
  void finish() noexcept;

 private:
  bool make_huge(std::byte* address, std::size_t bytes) noexcept;
  bool make_collapsed(std::byte* address, std::size_t bytes) noexcept;
  bool make_small(std::byte* address, std::size_t bytes) noexcept;
  bool make_first(std::byte* address) noexcept;
  bool allocate_for_sharing(const std::byte* address, std::size_t bytes) noexcept;
  void give_up() noexcept;

  Block* block_;
  /// Whether pages may be made by writing to them. To those of a block with users, only these may
  /// write; for a shared page there may be no memory (SIGBUS).
  const bool writes_;
  std::atomic<bool> asks_;            ///< for huge pages, by touching them
  std::atomic<bool> collapses_;       ///< small pages to huge ones
  std::atomic<bool> granted_{false};  ///< one at least
  std::atomic<bool> populates_{true};
};

/// Makes every page of a fresh block resident without writing more to it than the system needs.
/// Throws Interrupted when the poll says stop, or OutOfMemory where a shared block does not get its
/// pages; the block is then partly resident.
/// pre and post as of FirstTouch.
void make_resident(Block* block, Reservation* reservation, const team::Poll& poll);

/// Writes to each page, which makes a fresh one resident. It is zero already and stays so.
void touch_pages(std::byte* address, std::size_t bytes) noexcept;

}  // namespace zerofill::blocks
