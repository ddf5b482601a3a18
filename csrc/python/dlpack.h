// Contract: the memory of an object that speaks DLPack (a torch tensor, say).
#pragma once

#include <Python.h>

#include "python/reference.h"
#include "zeroing/strided.h"

namespace zerofill::python {

/// Writable memory of another library.
struct ForeignMemory {
  Reference owner;  ///< keeps the memory alive
  zeroing::StridedRange range;
  bool empty = false;  ///< there is no element, and `range` is not set
};

/// False with an error set when the memory is on another device, is read-only or is a copy, and
/// when an element is not a whole number of bytes. Only versioned capsules are taken, because the
/// older ones do not say whether the memory may be written to.
bool get_dlpack_memory(PyObject* object, ForeignMemory* memory);

}  // namespace zerofill::python
