// Contract: what torch must know, or do itself, where somebody else writes to its tensors. torch is
// never imported here: whoever has a tensor has imported it.
#pragma once

#include <Python.h>

#include "python/reference.h"

namespace zerofill::python {

/// 1 or 0, or -1 with an error set.
int is_torch_tensor(PyObject* object);

/// The tensor, or a view of it without the conjugate bit, which DLPack cannot describe. Null with
/// an error set when that fails.
Reference without_conjugation(PyObject* tensor);

/// Whether torch reads its elements as the conjugate or the negative of what is in memory, so that
/// zeros there would read as -0.0. 1 or 0, or -1 with an error set.
int is_read_with_other_signs(PyObject* tensor);

/// Has torch zero it. False with torch's error set.
bool zero_by_torch(PyObject* tensor);

/// Tells torch that the tensor is written to, so that it refuses to compute gradients from what it
/// has saved of it. False with torch's error set, where torch would not let the tensor change.
bool announce_write(PyObject* tensor);

}  // namespace zerofill::python
