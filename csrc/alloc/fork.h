// Contract: what happens before and after a fork of the process.
#pragma once

namespace zerofill::alloc {

/// Has everything below this folder made ready for every fork from now on. Once a process:
/// allocator.cpp does it as the library is loaded. 0 on success, otherwise an errno value.
int register_fork_handlers() noexcept;

}  // namespace zerofill::alloc
