// Contract: on which NUMA nodes the memory for a request is put.
#pragma once

#include "os/nodes.h"

namespace zerofill::alloc {

/// As the option placement says. Others are the values of that option (base/options.h).
constexpr int kPlacedByOption = -3;

/// Whether memory was asked for elsewhere than the option says, which is so on several nodes alone.
inline bool is_elsewhere(int where) noexcept {
  return where != kPlacedByOption && os::has_several_nodes();
}

/// Asks the system, on a machine with several nodes. pre: it is called by who wants the memory.
os::Placement placement_of(int where) noexcept;

}  // namespace zerofill::alloc
