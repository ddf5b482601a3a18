// Memory of Python objects that carry their payload.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdlib>

#include "alloc/aligned_malloc.h"
#include "base/poison.h"

namespace zerofill::python {

#if defined(Py_GIL_DISABLED)
// On free-threaded Python an object's memory must come from PyObject_Malloc.
constexpr std::size_t kObjectAlignment = 16;
inline void* allocate_object(std::size_t bytes) noexcept { return PyObject_Malloc(bytes); }
inline void free_object(void* object) noexcept { PyObject_Free(object); }
#elif defined(ZEROFILL_POISONS)
// The sanitizer's own, so that it reports objects that are lost.
constexpr std::size_t kObjectAlignment = 16;
inline void* allocate_object(std::size_t bytes) noexcept { return std::malloc(bytes); }
inline void free_object(void* object) noexcept { std::free(object); }
#else
constexpr std::size_t kObjectAlignment = 64;
inline void* allocate_object(std::size_t bytes) noexcept {
  return alloc::aligned_malloc(bytes, kObjectAlignment);
}
inline void free_object(void* object) noexcept { alloc::aligned_free(object, kObjectAlignment); }
#endif

}  // namespace zerofill::python
