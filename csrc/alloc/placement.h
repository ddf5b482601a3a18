// Contract: on which NUMA nodes the memory for a request is put.
#pragma once

#include "os/nodes.h"

namespace zerofill::alloc {

/// As the option placement says. Others are the values of that option (base/options.h).
constexpr int kPlacedByOption = -3;

/// Asks the system, on a machine with several nodes. pre: it is called by who wants the memory.
os::Placement placement_of(int where) noexcept;

}  // namespace zerofill::alloc
