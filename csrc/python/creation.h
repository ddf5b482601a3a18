// Contract: zerofill.zeros, and what zerofill.zeros_like is made of.
#pragma once

#include "python/array.h"

namespace zerofill::python {

/// Reads 'C' or 'F' as np.zeros does; false with NumPy's error set.
bool read_c_or_fortran(PyObject* object, bool* fortran);

/// Adds the functions to the module; false with a Python error set.
bool register_creation(PyObject* module);

}  // namespace zerofill::python
