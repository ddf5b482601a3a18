// Contract: the arguments that say what memory is wanted.
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
  bool shared = false;                 ///< whether other processes can have it too
  int where = alloc::kPlacedByOption;  ///< on which NUMA nodes
};

/// Sets a Python error and returns false when the object is not a size: an int from 0 to what a
/// Py_ssize_t holds.
bool read_nbytes(PyObject* object, std::size_t* nbytes);

/// The same for an alignment: a power of two from 1 to 2**30.
bool read_alignment(PyObject* object, std::size_t* alignment);

/// The same for a commit: "eager", "lazy" or "background".
bool read_commit(PyObject* object, alloc::Commit* commit);

/// The same for a truth value: True or False.
bool read_shared(PyObject* object, bool* shared);

/// The same for a placement: None, "caller", "interleave" or the number of a node.
bool read_placement(PyObject* object, int* where);

/// A new list of the numbers of the NUMA nodes that have memory; null with an error set.
PyObject* node_numbers();

/// What a caller gave for each; null where nothing.
struct GivenMemoryOptions {
  PyObject* alignment;
  PyObject* commit;
  PyObject* shared;
  PyObject* placement;
};

/// Reads those that are given, as above.
bool read_memory_options(const GivenMemoryOptions& given, MemoryOptions* wanted);

const char* name_of(alloc::Commit commit) noexcept;

}  // namespace zerofill::python
