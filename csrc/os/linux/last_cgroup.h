// Contract: where the group of a controller was found last, because to look through
// /proc/self/mountinfo takes 20 us. For os/linux/ alone; any thread may call.
#pragma once

#include "os/linux/cgroups.h"

namespace zerofill::os {

/// Whether this is what was found last for the process's path in the hierarchy, and is there still.
/// May say no for no reason.
bool recall_cgroup(const char* path, bool version2, Cgroup* group) noexcept;

void remember_cgroup(const char* path, const Cgroup& group) noexcept;

}  // namespace zerofill::os
