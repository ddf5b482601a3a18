// Contract: zerofill.Buffer, the owner of memory behind arrays.
#pragma once

#include <Python.h>

#include <cstddef>

#include "alloc/allocator.h"

namespace zerofill::python {

constexpr std::size_t kDefaultAlignment = 64;

/// What a caller may ask of memory beside its size.
struct MemoryOptions {
  std::size_t alignment = kDefaultAlignment;  ///< a power of two
  alloc::Commit commit = alloc::Commit::eager;
};

/// A Python object whose payload of `nbytes` zero bytes stands right behind it, or in a block of
/// pages.
struct BufferObject {
  PyObject_HEAD std::byte* data;
  std::size_t nbytes;
  std::size_t alignment;
  bool in_pages;  ///< then it is a PagedBufferObject
};

/// A new reference. pre: the GIL is held, the options are valid. Throws OutOfMemory or
/// Interrupted, and then nothing was made.
BufferObject* new_buffer(std::size_t nbytes, const MemoryOptions& wanted);

/// Sets a Python error and returns false when the object is not an alignment: a power of two from
/// 1 to 2**30.
bool read_alignment(PyObject* object, std::size_t* alignment);

/// The same for a commit: "eager" or "lazy".
bool read_commit(PyObject* object, alloc::Commit* commit);

/// Adds the type to the module; false with a Python error set.
bool register_buffer(PyObject* module);

}  // namespace zerofill::python
