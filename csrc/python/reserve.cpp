#include "python/reserve.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

#include "alloc/reserve.h"
#include "base/clock.h"
#include "base/errors.h"
#include "python/gil.h"
#include "python/memory_error.h"
#include "python/memory_options.h"

namespace py = pybind11;

namespace zerofill::python {
namespace {

/// Raises the error of Python that is set.
[[noreturn]] void raise() { throw py::error_already_set(); }

std::shared_ptr<alloc::Reserve> reserve(const py::object& nbytes) {
  std::size_t bytes = 0;
  if (!read_nbytes(nbytes.ptr(), &bytes)) raise();
  try {
    return without_gil([&](const team::Poll&) { return alloc::start_reserve(bytes); });
  } catch (const OutOfMemory& error) {
    const Reference what(PyUnicode_FromString("a reserve"));
    raise_memory_error(static_cast<double>(bytes), what, error);
  }
  raise();
}

/// Infinity for None.
double read_timeout(const py::object& timeout) {
  if (timeout.is_none()) return std::numeric_limits<double>::infinity();
  const double seconds = PyNumber_Check(timeout.ptr()) != 0 ? PyFloat_AsDouble(timeout.ptr()) : -1;
  if (PyErr_Occurred() != nullptr) raise();
  if (seconds >= 0) return seconds;  // not a NaN either
  const bool is_number = PyNumber_Check(timeout.ptr()) != 0;
  PyErr_Format(is_number ? PyExc_ValueError : PyExc_TypeError,
               "timeout must be a number of seconds, 0 or more, or None, got %R", timeout.ptr());
  raise();
}

/// In parts, so that Ctrl-C is answered.
bool wait(alloc::Reserve& self, const py::object& timeout) {
  constexpr double kPart = 0.02;
  const double seconds = read_timeout(timeout);
  const Clock::time_point start = Clock::now();
  for (;;) {
    const std::chrono::duration<double> waited = Clock::now() - start;
    const double part = std::clamp(seconds - waited.count(), 0.0, kPart);
    const auto milliseconds = static_cast<unsigned>(std::ceil(part * 1000));
    const bool ended = without_gil([&](const team::Poll&) { return self.wait(milliseconds); });
    if (ended) return !self.is_cancelled();
    if (PyErr_CheckSignals() != 0) raise();
    if (part == 0) return false;
  }
}

void cancel(alloc::Reserve& self) {
  without_gil([&](const team::Poll&) { self.cancel(); });
}

py::str represent(const alloc::Reserve& self) {
  const std::size_t resident = self.resident_bytes();
  const bool all = resident == self.bytes();
  return py::str("<zerofill.Reserve of {} bytes, {} resident>")
      .format(self.bytes(), all ? py::object(py::str("all")) : py::int_(resident));
}

constexpr const char* kDoc = R"(Memory that is being made ahead of time: what reserve() returns.

Attributes
----------
nbytes : int
    Its size in bytes: what was asked for, and somewhat more for the alignment of arrays.
resident_bytes : int
    How much of it is resident by now.
cancelled : bool
    Whether it was cancelled before it was finished, by cancel() or a fork.
)";

constexpr const char* kWaitDoc = R"(wait(timeout=None)

Wait until all of it is resident, or it was cancelled.

Parameters
----------
timeout : float, optional
    How many seconds to wait at most. Default: for ever. Ctrl-C is answered.

Returns
-------
bool
    Whether arrays can be made of it now: False when it was cancelled or is not finished yet.

Raises
------
TypeError, ValueError
    If `timeout` is not a number, or negative.
)";

constexpr const char* kCancelDoc = R"(cancel()

Return it to the system, unless it is finished: then ``trim()`` does.
)";

}  // namespace

void register_reserve(py::module_& module) {
  using alloc::Reserve;
  py::options options;
  options.disable_function_signatures();
  py::class_<Reserve, std::shared_ptr<Reserve>>(module, "Reserve", kDoc)
      .def("wait", &wait, py::arg("timeout") = py::none(), kWaitDoc)
      .def("cancel", &cancel, kCancelDoc)
      .def_property_readonly("nbytes", &Reserve::bytes)
      .def_property_readonly("resident_bytes", &Reserve::resident_bytes)
      .def_property_readonly("cancelled", &Reserve::is_cancelled)
      .def("__repr__", &represent);
  module.def("reserve", &reserve, py::arg("nbytes"));
  (void)Py_AtExit(&alloc::cancel_all_under_way);
}

}  // namespace zerofill::python
