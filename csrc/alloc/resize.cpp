#include <optional>

#include "alloc/allocator.h"
#include "alloc/room.h"
#include "base/align.h"
#include "base/clock.h"
#include "base/options.h"
#include "blocks/mapping.h"
#include "blocks/recent_peak.h"
#include "os/pages.h"

namespace zerofill::alloc {
namespace {

using blocks::Growth;
using blocks::OwnedBlock;

/// A larger block of fresh pages that those of `block` can be moved to. The payload stays as far
/// from the first page, which has to suit its alignment there too.
std::optional<OwnedBlock> map_target(const blocks::Block& block, const std::byte* data,
                                     const Request& request) noexcept {
  const bool is_movable =
      data == block.address + block.colour && block.colour % request.alignment == 0;
  if (!is_movable) return std::nullopt;
  try {
    return blocks::map_block(request.bytes, request.alignment, block.colour,
                             blocks::PageSize::huge);
  } catch (const OutOfMemory&) {
    return std::nullopt;
  }
}

/// The size that the block needs, and nothing where that overflows.
std::optional<std::size_t> new_block_bytes(std::size_t offset, const Request& request) noexcept {
  try {
    return blocks::block_bytes(request.bytes, offset);
  } catch (const OutOfMemory&) {
    return std::nullopt;
  }
}

/// Where that saves less than an eighth, or cannot be done, the block stays as long as it is.
void shrink(OwnedBlock* block, std::size_t offset, std::size_t bytes) noexcept {
  const std::size_t room = (*block)->bytes - offset;
  if (bytes >= room - room / 8) return;
  (void)blocks::shrink_block(&**block, align_up(offset + bytes, os::page_bytes()));
}

bool move(OwnedBlock* block, std::byte** data, const Request& request,
          bool (*may_move_to)(const std::byte* data)) noexcept {
  auto target = map_target(**block, *data, request);
  if (!target) return false;
  std::byte* moved = (*target)->address + (*target)->colour;
  if (!may_move_to(moved) || !blocks::move_block(block, &*target)) return false;
  *block = std::move(*target);
  *data = moved;
  return true;
}

bool grow(OwnedBlock* block, std::byte** data, const Request& request,
          bool (*may_move_to)(const std::byte* data)) noexcept {
  const auto offset = static_cast<std::size_t>(*data - (*block)->address);
  const auto needed = new_block_bytes(offset, request);
  if (!needed) return false;
  make_room_for(*needed - (*block)->bytes);
  const Growth growth = blocks::grow_block(&**block, *needed);
  if (growth != Growth::possible_elsewhere) return growth == Growth::done;
  return move(block, data, request, may_move_to);
}

}  // namespace

bool resize(Allocation* allocation, const Request& request,
            bool (*may_move_to)(const std::byte* data)) noexcept {
  OwnedBlock& block = allocation->block_;
  const std::size_t before = block->bytes;
  const auto offset = static_cast<std::size_t>(allocation->data_ - block->address);
  if (request.bytes > before - offset) {
    if (!grow(&block, &allocation->data_, request, may_move_to)) return false;
  } else {
    shrink(&block, offset, request.bytes);
  }
  allocation->bytes_ = request.bytes;
  const auto gained = static_cast<std::ptrdiff_t>(block->bytes - before);
  if (gained != 0) blocks::in_use.change(gained, Clock::now(), decay_time());
  return true;
}

}  // namespace zerofill::alloc
