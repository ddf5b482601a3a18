// Adding native functions to the module under the package's public name.
#pragma once

#include <Python.h>

#include "python/reference.h"

namespace zerofill::python {

/// False with a Python error set. The function calls itself "zerofill.<name>": it pickles as that.
inline bool register_function(PyObject* module, PyMethodDef* method) {
  const Reference package(PyUnicode_FromString("zerofill"));
  if (!package) return false;
  const Reference function(PyCFunction_NewEx(method, nullptr, package.get()));
  return function && PyModule_AddObjectRef(module, method->ml_name, function.get()) == 0;
}

}  // namespace zerofill::python
