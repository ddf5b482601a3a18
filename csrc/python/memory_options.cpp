#include "python/memory_options.h"

#include "base/align.h"
#include "python/reference.h"

namespace zerofill::python {
namespace {

constexpr std::size_t kMaxAlignment = std::size_t{1} << 30;

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
    if (!PyUnicode_Check(object)) break;
    if (PyUnicode_CompareWithASCIIString(object, name_of(known)) != 0) continue;
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
