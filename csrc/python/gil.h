// The GIL, released around one call of the allocator, while Ctrl-C is answered. This is the only
// place that releases it.
#pragma once

#include <Python.h>

#include "os/threads.h"
#include "team/team.h"

namespace zerofill::python {

/// Whether the calling thread may use Python's objects. PyGILState_Check() says yes to everybody
/// once a sub-interpreter was made.
inline bool holds_gil() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  PyThreadState* current = PyThreadState_GetUnchecked();
#else
  PyThreadState* current = _PyThreadState_UncheckedGet();
#endif
  return current != nullptr && current == PyGILState_GetThisThreadState();
}

/// Takes the GIL back. While the interpreter shuts down, Python up to 3.13 ends a thread that asks
/// for the GIL by unwinding its stack, and destructors would then release Python objects without
/// the GIL. So such a thread sleeps here until the process is gone, as it does in Python 3.14.
inline void reacquire_gil(PyThreadState* state) noexcept {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    for (;;) os::sleep_microseconds(1000000);
  }
}

/// Releases the GIL for its scope. The poll that goes with it takes the GIL for a moment in the
/// calling thread, and says stop when a Python signal handler raised. Besides the handlers, Python
/// 3.12 and newer may run its garbage collector there, with the finalizers of any object.
class ScopedGilRelease {
 public:
  ScopedGilRelease() noexcept : state_(PyEval_SaveThread()) {}
  ~ScopedGilRelease() { reacquire_gil(state_); }
  ScopedGilRelease(const ScopedGilRelease&) = delete;
  ScopedGilRelease& operator=(const ScopedGilRelease&) = delete;

  team::Poll poll() noexcept {
    return {&ScopedGilRelease::raised, this, &ScopedGilRelease::reacquire};
  }

 private:
  static void reacquire(void* opaque) noexcept {
    reacquire_gil(static_cast<ScopedGilRelease*>(opaque)->state_);
  }

  static bool raised(void* opaque) noexcept {
    const bool stop = PyErr_CheckSignals() != 0;
    static_cast<ScopedGilRelease*>(opaque)->state_ = PyEval_SaveThread();
    return stop;
  }

  PyThreadState* state_;
};

/// Runs action(poll) without the GIL. Lets OutOfMemory and Interrupted through, with the GIL held
/// again; on Interrupted the Python exception is set already.
template <typename Action>
auto without_gil(Action action) {
  ScopedGilRelease released;
  return action(released.poll());
}

}  // namespace zerofill::python
