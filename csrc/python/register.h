// Adding native functions to the module.
#pragma once

#include <Python.h>

#include "python/reference.h"

namespace zerofill::python {

/// False with a Python error set. The function's module is "zerofill", because that is
/// the name under which it is pickled.
inline bool register_function(PyObject* module, PyMethodDef* method) {
  const Reference package(PyUnicode_FromString("zerofill"));
  if (!package) return false;
  const Reference function(PyCFunction_NewEx(method, nullptr, package.get()));
  return function && PyModule_AddObjectRef(module, method->ml_name, function.get()) == 0;
}

}  // namespace zerofill::python
