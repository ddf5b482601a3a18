// Contract: zerofill.Buffer, the owner of memory behind arrays.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>

#include "python/memory_options.h"

namespace zerofill::python {

/// A Python object whose payload of `nbytes` zero bytes stands right behind it, or in a block of
/// pages.
struct BufferObject {
  PyObject_HEAD std::byte* data;
  std::size_t nbytes;
  PyObject* weak_references;  ///< Python's list of them; null when there are none
  std::uint32_t alignment;
  bool in_pages;   ///< then it is a PagedBufferObject
  bool read_only;  ///< memory of another process that said so
};

/// A new reference. pre: the GIL is held, the options are valid. Throws OutOfMemory or Interrupted,
/// and then nothing was made; null with a Python error set where shared memory cannot be announced.
BufferObject* new_buffer(std::size_t nbytes, const MemoryOptions& wanted);

/// The same, but null with a Python error set when nothing was made.
BufferObject* try_new_buffer(std::size_t nbytes, const MemoryOptions& wanted);

/// A new reference to a Buffer of memory that there is already. Throws OutOfMemory.
BufferObject* adopt(alloc::Allocation allocation, std::size_t nbytes, std::size_t alignment,
                    bool read_only);

/// Null, without an error, where the object is not a Buffer of shared memory.
alloc::Allocation* shared_memory_of(PyObject* object) noexcept;

/// Adds the type to the module; false with a Python error set.
bool register_buffer(PyObject* module);

}  // namespace zerofill::python
