// Contract: the native part of zerofill.Zeros: its options, and the call that makes an array.
#pragma once

#include <Python.h>

namespace zerofill::python {

/// Adds the type to the module; false with a Python error set.
bool register_initializer(PyObject* module);

}  // namespace zerofill::python
