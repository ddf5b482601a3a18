// Contract: telling memory from before a fork from memory from after it.
#pragma once

namespace zerofill::blocks {

/// Goes up with every fork, on both sides of it. Pages from an earlier epoch are shared with the
/// other process until somebody writes to them (fork(2), copy-on-write).
unsigned fork_epoch() noexcept;

// For alloc/fork.cpp.
void begin_fork_epoch() noexcept;

}  // namespace zerofill::blocks
