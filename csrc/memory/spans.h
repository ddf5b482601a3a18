// Contract: lazy blocks of less than 2 MiB, carved out of shared mappings. A mapping each would run
// into the system's limit of mappings (vm.max_map_count, 65,530 on Linux) as soon as every second
// of them is freed.
//
// Every function may be called from any thread. A span holds nothing resident but what the owners
// of its blocks have touched: a block that is put back is fresh again at once.
#pragma once

#include <cstddef>
#include <optional>

#include "memory/block.h"

namespace zerofill::memory {

/// A block of fresh pages whose payload has that many bytes and is so aligned; nothing when that
/// does not fit into a span's largest, or when there is no memory for a span.
std::optional<Block> take_from_span(std::size_t bytes, std::size_t alignment) noexcept;

/// Takes back what take_from_span() gave.
void put_into_span(const Block& block) noexcept;

/// Unmaps the spans of which nothing is in use; returns how many bytes of addresses that was.
std::size_t trim_spans() noexcept;

}  // namespace zerofill::memory
