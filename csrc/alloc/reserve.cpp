#include "alloc/reserve.h"

#include <cerrno>

#include "alloc/placement.h"
#include "alloc/room.h"
#include "base/align.h"
#include "base/checked.h"
#include "base/errors.h"
#include "blocks/mapping.h"
#include "blocks/pool.h"
#include "team/team.h"

namespace zerofill::alloc {
namespace {

/// Whole units, and one more, because an array's payload starts at a colour.
std::size_t bytes_for(std::size_t bytes) {
  std::size_t padded;
  if (!checked_add(bytes, 2 * blocks::kBlockUnit - 1, &padded)) throw OutOfMemory(ENOMEM);
  return align_down(padded, blocks::kBlockUnit);
}

}  // namespace

Reserve::Reserve(std::size_t bytes, const os::Placement& placement)
    : Prefault(bytes, placement),
      block_(blocks::map_block(bytes, 1, 0, blocks::PageSize::huge, placement)) {
  give(*block_, blocks::Users::none);
}

void Reserve::end(const blocks::Block& made, bool whole) noexcept {
  if (!whole) {
    block_ = blocks::OwnedBlock();
    return;
  }
  *block_ = made;
  blocks::put_reserved(std::move(block_));
}

std::shared_ptr<Reserve> start_reserve(std::size_t bytes) {
  const std::size_t mapped = bytes_for(bytes);
  const os::Placement placement = placement_of(kPlacedByOption);
  auto made = with_room([&] { return std::make_shared<Reserve>(mapped, placement); });
  blocks::Prefault::start(made, team::max_threads());
  return made;
}

void cancel_all_under_way() noexcept { blocks::cancel_prefaults(); }

}  // namespace zerofill::alloc
