// Contract: sparse blocks of less than 2 MiB, carved out of shared mappings called slabs. Linux
// limits a process to 65,530 mappings (vm.max_map_count), and with a mapping for each block a
// program would meet that limit as soon as every second of them is freed.
//
// Every function may be called from any thread. Only what the owners of its blocks have touched is
// resident of a slab: the pages of a block that is put back are fresh at once.
#pragma once

#include <cstddef>
#include <optional>

#include "blocks/block.h"

namespace zerofill::blocks {

/// A block of fresh pages whose payload has that many bytes and is so aligned. Nothing when that
/// does not fit into the largest part of a slab, or when there is no memory for a slab.
std::optional<PlacedBlock> take_from_slab(std::size_t bytes, std::size_t alignment) noexcept;

/// Takes back what take_from_slab() gave.
void put_into_slab(const Block& block) noexcept;

/// Unmaps the slabs of which nothing is in use; returns how many bytes of addresses that was.
std::size_t trim_slabs() noexcept;

// For alloc/fork.cpp.
void lock_slabs_before_fork() noexcept;
void unlock_slabs_in_parent() noexcept;
void unlock_slabs_in_child() noexcept;

}  // namespace zerofill::blocks
