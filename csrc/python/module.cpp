// zerofill._zerofill: lists what the extension module is made of.
#define ZEROFILL_IMPORTS_NUMPY
#include "python/buffer.h"
#include "python/clear.h"
#include "python/creation.h"
#include "python/initializer.h"
#include "python/numpy.h"
#include "python/runtime.h"

namespace zerofill::python {
namespace {

void check(bool registered) {
  if (!registered) throw pybind11::error_already_set();
}

}  // namespace

PYBIND11_MODULE(_zerofill, module) {
  check(PyArray_ImportNumPyAPI() == 0);
  check(register_buffer(module.ptr()));
  check(register_creation(module.ptr()));
  check(register_initializer(module.ptr()));
  check(register_clear(module.ptr()));
  register_runtime(module);
}

}  // namespace zerofill::python
