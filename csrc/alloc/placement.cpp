#include "alloc/placement.h"

#include "base/options.h"

namespace zerofill::alloc {

os::Placement placement_of(int where) noexcept {
  if (!os::has_several_nodes()) return os::kUnplaced;
  if (where == kPlacedByOption) where = options().placement.load(std::memory_order_relaxed);
  if (where == kPlacedForCaller) return os::placement_of_this_thread();
  return where == kInterleaved ? os::interleaved_placement() : os::placement_on(where);
}

}  // namespace zerofill::alloc
