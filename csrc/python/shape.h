// Contract: reading the shape argument.
#pragma once

#include "python/numpy.h"

namespace zerofill::python {

struct Shape {
  int dimensions = 0;
  npy_intp lengths[NPY_MAXDIMS];
};

/// Reads what NumPy takes as a shape. False with NumPy's own error set. Lengths may be negative:
/// NumPy refuses those later, and so does the caller.
bool read_shape(PyObject* object, Shape* shape);

/// Reads what an initializer takes: that, or an object with as_list() such as TensorFlow's
/// TensorShape. An unknown dimension (None) is a ValueError.
bool read_initializer_shape(PyObject* object, Shape* shape);

}  // namespace zerofill::python
