// Contract: handlers for forks of the process.
#pragma once

namespace zerofill::os {

/// Has `prepare` run before every fork of this process, then `parent` in it and `child` in the new
/// one, all in the thread that forks. Handlers that were registered later are prepared first and
/// resumed last. 0 on success, otherwise an errno value. Where processes do not fork, it does
/// nothing.
int on_fork(void (*prepare)(), void (*parent)(), void (*child)()) noexcept;

}  // namespace zerofill::os
