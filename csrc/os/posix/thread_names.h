// Contract: naming threads, which differs between POSIX systems. For os/posix/threads.cpp alone.
#pragma once

namespace zerofill::os {

/// Gives the calling thread its name in the system's list of threads.
void name_this_thread(const char* name) noexcept;

}  // namespace zerofill::os
