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
  if (PyUnicode_Check(object)) {
    if (PyUnicode_CompareWithASCIIString(object, "eager") == 0) {
      *commit = alloc::Commit::eager;
      return true;
    }
    if (PyUnicode_CompareWithASCIIString(object, "lazy") == 0) {
      *commit = alloc::Commit::lazy;
      return true;
    }
  }
  PyErr_Format(PyExc_ValueError, "commit must be \"eager\" or \"lazy\", got %R", object);
  return false;
}

}  // namespace zerofill::python
