// Contract: the budget as the files below `root` give it. For os/linux/ and its native tests alone.
#pragma once

#include "os/limits.h"

namespace zerofill::os {

/// read_memory_budget() with `root` put before every path.
int read_memory_budget_below(const char* root, MemoryBudget* budget) noexcept;

}  // namespace zerofill::os
