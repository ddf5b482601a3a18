// Contract: what differs between POSIX systems for a thread that sets itself up. For
// os/posix/threads.cpp alone.
#pragma once

namespace zerofill::os {

/// Gives the calling thread its name in the system's list of threads.
void name_this_thread(const char* name) noexcept;

/// Gives the calling thread the scheduling policy, CPUs and nice value of a plain thread of this
/// process, where the system can. It inherited those of the thread that started it, which may be
/// real-time or pinned to one CPU, and it will work for all threads.
void reset_scheduling_of_this_thread() noexcept;

}  // namespace zerofill::os
