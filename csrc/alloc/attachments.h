// Contract: shared memory of other processes that came more than once, and is mapped still.
//
// A worker may get the same array with each of its tasks, and drop it after each. Mapping it anew
// would cost a page fault for each page that it touches, each time. So what has arrived twice stays
// mapped after its user has dropped it, until it is dropped by the process that made it, or has not
// arrived again for a second, or `decay` where that is shorter.
#pragma once

#include <cstddef>
#include <cstdint>

#include "blocks/block.h"

namespace zerofill::alloc {

/// Where shared memory comes from.
enum class Origin { made, received, received_read_only };

/// What an attachment is found by.
struct AttachmentKey {
  std::uint64_t identity;
  std::size_t bytes;  ///< of the payload
  Origin origin;
};

/// Whether such a block is what was received.
bool serves(const AttachmentKey& kept, const blocks::OwnedBlock& block, const AttachmentKey& key,
            std::size_t alignment) noexcept;

/// Notes that a message about it has arrived. Returns what is mapped of it still; without an
/// address where nothing is.
blocks::OwnedBlock take_attachment(const AttachmentKey& key, std::size_t alignment) noexcept;

/// Keeps what its user has dropped, if it is worth it, or unmaps it.
void put_attachment(const AttachmentKey& key, blocks::OwnedBlock block) noexcept;

/// Unmaps all that is kept; returns how many bytes that was.
std::size_t trim_attachments() noexcept;

// For alloc/fork.cpp. Nothing is kept over a fork.
void lock_attachments_before_fork() noexcept;
void unlock_attachments_in_parent() noexcept;
void unlock_attachments_in_child() noexcept;

}  // namespace zerofill::alloc
