// Contract: the processes around this one.
#pragma once

namespace zerofill::os {

/// The number of this process.
int this_process() noexcept;

/// Whether a process that this one has started is running. True where the system does not say.
bool has_running_child() noexcept;

/// Whether there is a process of that number.
bool is_running(int process) noexcept;

}  // namespace zerofill::os
