// Contract: shared memory in Python: its messages are made and read here, and zerofill.sharing has
// Python's picklers carry them.
#pragma once

#include <Python.h>
#include <pybind11/pybind11.h>

#include "python/buffer.h"

namespace zerofill::python {

/// Tells zerofill.sharing of a new Buffer of shared memory, whose reference it takes and returns.
/// Null with an error set when that fails.
BufferObject* announce_shared(BufferObject* buffer);

// Properties of a Buffer.
PyObject* get_shared(PyObject* self, void*);
PyObject* get_shared_path(PyObject* self, void*);

/// Adds the functions to the module.
void register_shared(pybind11::module_& module);

}  // namespace zerofill::python
