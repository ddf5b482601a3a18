// Contract: making zeroed arrays. Every way to one ends here.
#pragma once

#include "python/buffer.h"
#include "python/dtype.h"
#include "python/numpy.h"
#include "python/shape.h"

namespace zerofill::python {

/// What an array is to look like, beside its dtype.
struct Layout {
  Shape shape;
  bool fortran = false;
  bool strided = false;  ///< `strides` (bytes) decide, not `fortran`
  npy_intp strides[NPY_MAXDIMS];
};

/// An array that is wanted. Settling it changes it to what NumPy would make of it.
struct ArrayRequest {
  ElementType type;
  Layout layout;
  Placement placement;
};

/// A new ndarray of zeros: a new reference, or null with NumPy's error, or one in its manner, set.
PyObject* new_zeros(ArrayRequest* request);

/// The same in another array's type, which is finalised from that array.
/// pre: zero_form(request->type) is not by_numpy.
PyObject* new_zeros_like(ArrayRequest* request, PyArrayObject* prototype);

/// Sends every array's memory through NumPy (ZEROFILL_DISABLE), for finding out who is to blame.
void disable_own_memory() noexcept;

}  // namespace zerofill::python
