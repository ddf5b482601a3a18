// Contract: blocks that other processes can have too. The last page of one is no payload: there,
// those who have the block agree on what was sent and received (shared_control.h).
//
// Every function may be called from any thread.
#pragma once

#include <cstddef>

#include "blocks/block.h"
#include "blocks/shared_control.h"

namespace zerofill::blocks {

/// The size of the block for a payload. Throws OutOfMemory when that overflows.
std::size_t shared_block_bytes(std::size_t payload_bytes);

/// A block of fresh pages whose payload is at its start, and so aligned. Throws OutOfMemory.
OwnedBlock create_shared_block(std::size_t payload_bytes, std::size_t alignment,
                               const os::Placement& placement = os::kUnplaced);

/// The block of another process, which stays that one's too. Takes the handle over, and closes it
/// when it throws OutOfMemory. The block has no address where it is not what that process says it
/// is.
OwnedBlock attach_shared_block(os::SharedHandle handle, std::size_t payload_bytes,
                               std::size_t alignment, std::uint64_t identity);

/// What a payload may have at most.
std::size_t most_payload_bytes(const Block& block) noexcept;

/// Whether its pages may become huge ones by os::collapse_shared(), and not at the first touch.
bool may_collapse(const Block& block) noexcept;

/// Makes the payload read-only. False when that cannot be done.
bool protect_payload(const Block& block) noexcept;

/// pre: the block is shared.
SharedControl& control_of(const Block& block) noexcept;

/// Unmaps it, and closes its handle.
void unmap_shared_block(const Block& block) noexcept;

}  // namespace zerofill::blocks
