// Contract: the CPUs of a thread or a process, in a set of any size. For os/linux/ alone.
#pragma once

#include <sched.h>

#include <cerrno>
#include <cstddef>

namespace zerofill::os {

/// Calls action(set, set_bytes) with the CPUs of a thread, the main thread of a process, or the
/// calling thread (0). False when they cannot be read, and then nothing was called.
template <typename Action>
bool with_affinity(pid_t whose, Action action) noexcept {
  // The kernel refuses a set that is smaller than its own number of processors.
  for (int capacity = 1024; capacity <= 1 << 16; capacity *= 4) {
    cpu_set_t* set = CPU_ALLOC(capacity);
    if (set == nullptr) return false;
    const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
    const bool read = sched_getaffinity(whose, bytes, set) == 0;
    const bool too_small = !read && errno == EINVAL;
    if (read) action(set, bytes);
    CPU_FREE(set);
    if (!too_small) return read;
  }
  return false;
}

}  // namespace zerofill::os
