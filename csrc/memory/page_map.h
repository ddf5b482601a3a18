// Contract: which block of pages an address belongs to. Looking up takes no lock and reads none of
// the memory that it asks about.
//
// Every function may be called from any thread; two threads at once never about the same block.
#pragma once

#include <cstddef>

#include "memory/block.h"

namespace zerofill::memory {

/// A block in the hands of somebody who knows only where its payload starts.
struct Lent {
  Block block;
  std::size_t bytes;  ///< that were asked for
};

/// Remembers a block, whose payload has at least kBlockUnit bytes: no other memory shares the unit
/// that it starts in. False when there is no memory for that.
bool remember(Lent* lent) noexcept;

/// Forgets a block. Nothing to do where another one was remembered in its place.
void forget(Lent* lent) noexcept;

/// The block whose payload starts there; null when there is none.
Lent* find_lent(const void* payload) noexcept;

}  // namespace zerofill::memory
