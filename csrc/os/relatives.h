// Contract: the processes around this one.
#pragma once

namespace zerofill::os {

/// The number of this process.
int this_process() noexcept;

/// The number by which the paths of files name it, which may be of another namespace.
int this_process_in_paths() noexcept;

/// Whether a process that this one has started is running, or one that its `starter` has (the fork
/// server of Python), and runs the same program. Those two of Python's helpers do not count
/// themselves; 0 stands for none. True where the system does not say.
bool has_running_child(int starter, int tracker) noexcept;

/// Whether there is a process of that number that runs the same program as this one.
bool runs_same_program(int process) noexcept;

}  // namespace zerofill::os
