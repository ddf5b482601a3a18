// zerofill._zerofill: lists what the extension module is made of.
#define ZEROFILL_IMPORTS_NUMPY
#include "python/buffer.h"
#include "python/call_sites.h"
#include "python/clear.h"
#include "python/creation.h"
#include "python/initializer.h"
#include "python/numpy.h"
#include "python/numpy_allocator.h"
#include "python/reserve.h"
#include "python/runtime.h"
#include "python/shared.h"

namespace zerofill::python {
namespace {

constexpr const char* kOtherInterpreter =
    "zerofill works in the main interpreter only: its types and its memory belong to the whole "
    "process";

bool is_main_interpreter() { return PyInterpreterState_Get() == PyInterpreterState_Main(); }

void check(bool registered) {
  if (!registered) throw pybind11::error_already_set();
}

}  // namespace

// The name is another than the module's, because Python must call PyInit__zerofill() below first:
// pybind11's own entry point hangs in a sub-interpreter up to Python 3.11. From 3.13 on, an entry
// point always runs in the main interpreter, so the body checks too: it runs in the interpreter
// that imports.
PYBIND11_MODULE(_zerofill_in_main_interpreter, module, pybind11::mod_gil_not_used()) {
  if (!is_main_interpreter()) throw pybind11::import_error(kOtherInterpreter);
  check(PyArray_ImportNumPyAPI() == 0);
  check(register_buffer(module.ptr()));
  check(register_creation(module.ptr()));
  check(register_initializer(module.ptr()));
  check(register_clear(module.ptr()));
  register_numpy_allocator(module);
  register_reserve(module);
  register_runtime(module);
  register_shared(module);
  register_call_sites(module);
}

}  // namespace zerofill::python

extern "C" PYBIND11_EXPORT PyObject* PyInit__zerofill() {
  if (!zerofill::python::is_main_interpreter()) {
    PyErr_SetString(PyExc_ImportError, zerofill::python::kOtherInterpreter);
    return nullptr;
  }
  return zerofill::python::PyInit__zerofill_in_main_interpreter();
}
