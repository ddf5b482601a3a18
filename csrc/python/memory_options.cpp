#include "python/memory_options.h"

#include <system_error>

#include "base/align.h"
#include "base/options.h"
#include "os/nodes.h"
#include "python/reference.h"

namespace zerofill::python {
namespace {

constexpr std::size_t kMaxAlignment = std::size_t{1} << 30;

bool is_text(PyObject* object, const char* text) {
  return PyUnicode_Check(object) && PyUnicode_CompareWithASCIIString(object, text) == 0;
}

bool has_memory(int node) { return (os::nodes_with_memory() & os::mask_of(node)) != 0; }

bool refuse_placement(PyObject* object) {
  const bool is_of_type = PyUnicode_Check(object) || PyIndex_Check(object);
  const Reference numbers(node_numbers());
  if (!numbers) return false;
  PyErr_Format(is_of_type ? PyExc_ValueError : PyExc_TypeError,
               "placement must be \"caller\", \"interleave\" or the number of a NUMA node that has "
               "memory, of %S, got %R",
               numbers.get(), object);
  return false;
}

/// A cpuset may leave the node out, and a container may forbid the system call.
bool may_place(int node) {
  if (!os::has_several_nodes()) return true;
  if ((os::allowed_nodes() & os::mask_of(node)) == 0) {
    PyErr_Format(PyExc_PermissionError,
                 "placement=%d cannot be had in this process, whose cpuset leaves node %d out",
                 node, node);
    return false;
  }
  const int error = os::place_pages(nullptr, 0, os::placement_on(node));
  if (error == 0) return true;
  PyErr_Format(PyExc_PermissionError, "placement=%d cannot be had in this process (mbind(2): %s)",
               node, std::generic_category().message(error).c_str());
  return false;
}

}  // namespace

bool read_nbytes(PyObject* object, std::size_t* nbytes) {
  if (!PyIndex_Check(object)) {
    PyErr_Format(PyExc_TypeError, "nbytes must be an integer, got %R", object);
    return false;
  }
  const Reference index(PyNumber_Index(object));
  if (!index) return false;
  const Py_ssize_t value = PyLong_AsSsize_t(index.get());
  if (value >= 0) {
    *nbytes = static_cast<std::size_t>(value);
    return true;
  }
  const bool overflow = PyErr_Occurred() != nullptr;
  PyErr_Format(overflow ? PyExc_OverflowError : PyExc_ValueError,
               "nbytes must be from 0 to 2**63 - 1, got %R", object);
  return false;
}

bool read_alignment(PyObject* object, std::size_t* alignment) {
  constexpr const char* kWrong = "alignment must be a power of two from 1 to 2**30, got %R";
  if (!PyIndex_Check(object)) {
    PyErr_Format(PyExc_TypeError, kWrong, object);
    return false;
  }
  const Reference index(PyNumber_Index(object));
  if (!index) return false;
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(index.get(), &overflow);
  if (value == -1 && PyErr_Occurred()) return false;
  if (overflow != 0 || value < 1 || static_cast<std::size_t>(value) > kMaxAlignment ||
      !is_power_of_two(static_cast<std::size_t>(value))) {
    PyErr_Format(PyExc_ValueError, kWrong, object);
    return false;
  }
  *alignment = static_cast<std::size_t>(value);
  return true;
}

bool read_commit(PyObject* object, alloc::Commit* commit) {
  for (const auto known : {alloc::Commit::eager, alloc::Commit::lazy, alloc::Commit::background}) {
    if (!is_text(object, name_of(known))) continue;
    *commit = known;
    return true;
  }
  PyErr_Format(PyExc_ValueError, "commit must be \"eager\", \"lazy\" or \"background\", got %R",
               object);
  return false;
}

bool read_shared(PyObject* object, bool* shared) {
  if (object != Py_True && object != Py_False) {
    PyErr_Format(PyExc_TypeError, "shared must be True or False, got %R", object);
    return false;
  }
  *shared = object == Py_True;
  return true;
}

bool read_placement(PyObject* object, int* where) {
  int chosen = alloc::kPlacedByOption;
  if (is_text(object, "caller")) {
    chosen = kPlacedForCaller;
  } else if (is_text(object, "interleave")) {
    chosen = kInterleaved;
  } else if (PyIndex_Check(object) && !PyBool_Check(object)) {
    const Py_ssize_t node = PyNumber_AsSsize_t(object, nullptr);
    if (node == -1 && PyErr_Occurred()) return false;
    const bool is_in_range = node >= 0 && node < os::kMostNodes;
    if (is_in_range && has_memory(static_cast<int>(node))) chosen = static_cast<int>(node);
  }
  if (chosen == alloc::kPlacedByOption && object != Py_None) return refuse_placement(object);
  *where = chosen;
  return chosen < 0 || may_place(chosen);
}

PyObject* node_numbers() {
  Reference numbers(PyList_New(0));
  for (int node = 0; numbers && node < os::kMostNodes; ++node) {
    if (!has_memory(node)) continue;
    const Reference number(PyLong_FromLong(node));
    if (!number || PyList_Append(numbers.get(), number.get()) != 0) return nullptr;
  }
  return numbers.release();
}

bool read_memory_options(const GivenMemoryOptions& given, MemoryOptions* wanted) {
  return (given.alignment == nullptr || read_alignment(given.alignment, &wanted->alignment)) &&
         (given.commit == nullptr || read_commit(given.commit, &wanted->commit)) &&
         (given.shared == nullptr || read_shared(given.shared, &wanted->shared)) &&
         (given.placement == nullptr || read_placement(given.placement, &wanted->where));
}

const char* name_of(alloc::Commit commit) noexcept {
  switch (commit) {
    case alloc::Commit::lazy:
      return "lazy";
    case alloc::Commit::background:
      return "background";
    case alloc::Commit::eager:
      break;
  }
  return "eager";
}

}  // namespace zerofill::python
