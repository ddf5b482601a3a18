// Contract: making zeroed arrays. All public functions make theirs here.
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

/// An array that is wanted. Resolving it changes dtype and shape to what NumPy would make of them.
struct ArrayRequest {
  ElementType type;
  Layout layout;
  MemoryOptions memory;
};

/// The size of an element as NumPy will have it: an empty string becomes one character long.
npy_intp final_element_bytes(PyArray_Descr* descr);

/// A new ndarray of zeros: a new reference, or null with NumPy's error, or one in its manner, set.
PyObject* new_zeros(ArrayRequest* request);

/// The same for elements that NumPy alone can initialise: calls `make`, which has NumPy make the
/// array of the resolved request, while NumPy's memory handler is ours. Refuses what does not fit
/// in memory.
using NumpyMaker = PyObject* (*)(const ArrayRequest& resolved, void* context);
PyObject* with_our_handler(ArrayRequest* request, NumpyMaker make, void* context);

/// Says that an array whose elements are elsewhere cannot be shared; null.
PyObject* refuse_to_share(PyArray_Descr* descr);

/// The memory of an array that new_zeros() made of zero bytes, as an array of the prototype's type
/// that was finalised from it. A new reference, or null with an error set.
PyObject* as_instance_like(PyObject* array, PyObject* prototype);

/// Has every array's memory made by NumPy from now on (ZEROFILL_DISABLE), for finding out whether
/// zerofill is to blame.
void disable_own_memory() noexcept;
bool is_own_memory_disabled() noexcept;

}  // namespace zerofill::python
