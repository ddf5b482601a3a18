// The GIL, released around one call of the allocator, while Ctrl-C is answered. This is the only
// place that releases it.
#pragma once

#include <Python.h>

#include "os/threads.h"
#include "team/team.h"

namespace zerofill::python {

/// Takes the GIL back. While the interpreter shuts down, Python up to 3.13 ends a thread that asks
/// for the GIL by unwinding its stack, and destructors would then release Python objects without
/// the GIL. So such a thread sleeps here until the process is gone, as it does in Python 3.14.
inline void take_gil_back(PyThreadState* state) noexcept {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    for (;;) os::sleep_microseconds(1000000);
  }
}

/// Releases the GIL for its scope. The poll that goes with it takes the GIL for a moment in the
/// calling thread, and says stop when a Python signal handler raised.
class WithoutGil {
 public:
  WithoutGil() noexcept : state_(PyEval_SaveThread()) {}
  ~WithoutGil() { take_gil_back(state_); }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

  team::Poll poll() noexcept { return {&WithoutGil::raised, this}; }

 private:
  static bool raised(void* opaque) noexcept {
    auto* self = static_cast<WithoutGil*>(opaque);
    take_gil_back(self->state_);
    const bool stop = PyErr_CheckSignals() != 0;
    self->state_ = PyEval_SaveThread();
    return stop;
  }

  PyThreadState* state_;
};

/// Runs action(poll) without the GIL. Lets OutOfMemory and Interrupted through, with the GIL held
/// again; on Interrupted the Python exception is set already.
template <typename Action>
auto without_gil(Action action) {
  WithoutGil released;
  return action(released.poll());
}

}  // namespace zerofill::python
