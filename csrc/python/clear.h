// Contract: zerofill.clear.
#pragma once

#include <Python.h>

namespace zerofill::python {

/// Adds the function to the module; false with a Python error set.
bool register_clear(PyObject* module);

}  // namespace zerofill::python
