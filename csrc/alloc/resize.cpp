#include <utility>

#include "alloc/allocator.h"
#include "alloc/room.h"
#include "base/align.h"
#include "base/errors.h"
#include "blocks/mapping.h"
#include "blocks/recent_peak.h"
#include "os/pages.h"

namespace zerofill::alloc {
namespace {

using blocks::Growth;
using blocks::OwnedBlock;

/// Where that saves less than an eighth, or cannot be done, the block stays as long as it is.
void shrink(OwnedBlock* block, std::size_t offset, std::size_t bytes) noexcept {
  const std::size_t room = (*block)->bytes - offset;
  if (bytes >= room - room / 8) return;
  (void)blocks::shrink_block(&**block, align_up(offset + bytes, os::page_bytes()));
}

/// Moves the pages to a larger block. The payload stays as far from the first page, which has to
/// suit its alignment there too.
bool move(OwnedBlock* block, std::byte** data, const Request& request,
          bool (*may_move_to)(const std::byte* data)) {
  const std::size_t colour = (*block)->colour;
  if (*data != (*block)->address + colour || colour % request.alignment != 0) return false;
  OwnedBlock target = blocks::map_block(request.bytes, request.alignment, colour,
                                        blocks::PageSize::huge, (*block)->placement);
  std::byte* moved = target->address + colour;
  if (!may_move_to(moved) || !blocks::move_block(block, &target)) return false;
  *block = std::move(target);
  *data = moved;
  return true;
}

/// Throws OutOfMemory, or returns false, where that cannot be done, and then nothing was changed.
bool grow(OwnedBlock* block, std::byte** data, const Request& request,
          bool (*may_move_to)(const std::byte* data)) {
  const auto offset = static_cast<std::size_t>(*data - (*block)->address);
  const std::size_t needed = blocks::block_bytes(request.bytes, offset);
  make_room_for(needed - (*block)->bytes, (*block)->placement);
  const Growth growth = blocks::grow_block(&**block, needed);
  if (growth != Growth::possible_elsewhere) return growth == Growth::done;
  return move(block, data, request, may_move_to);
}

}  // namespace

bool resize(Allocation* allocation, const Request& request,
            bool (*may_move_to)(const std::byte* data)) noexcept try {
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
  if (gained != 0) blocks::count_in_use(gained);
  return true;
} catch (const OutOfMemory&) {
  return false;
}

}  // namespace zerofill::alloc
