// Memory of Python objects that carry their payload.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdlib>

namespace zerofill::python {

// On free-threaded Python an object's memory must come from PyObject_Malloc. With the GIL it may be
// the C library's, which is quicker for what is larger than PyObject_Malloc's 512 bytes.
#ifdef Py_GIL_DISABLED
inline void* allocate_object(std::size_t bytes) noexcept { return PyObject_Malloc(bytes); }
inline void free_object(void* object) noexcept { PyObject_Free(object); }
#else
inline void* allocate_object(std::size_t bytes) noexcept { return std::malloc(bytes); }
inline void free_object(void* object) noexcept { std::free(object); }
#endif

}  // namespace zerofill::python
