// Reading the arguments of a call, with the error messages that NumPy's functions give. Written
// with Python's C API, because pybind11's argument casts alone take longer than making a tiny
// array.
#pragma once

#include <Python.h>

#include <cstddef>

namespace zerofill::python {

/// What read_arguments() needs to know of a function's parameters.
struct Signature {
  const char* function;
  const char* const* names;
  int count;
  int required;    ///< the first so many have no default
  int positional;  ///< the first so many may be given by position
};

/// Sorts the arguments of a vectorcall into `values` (borrowed; null where not given). False with
/// a TypeError set.
bool read_arguments(const Signature& signature, PyObject* const* args, Py_ssize_t positional,
                    PyObject* names, PyObject** values);

/// The same for a call in tp_new's form.
bool read_arguments(const Signature& signature, PyObject* args, PyObject* kwargs,
                    PyObject** values);

template <int N>
struct Parameters {
  const char* function;
  const char* names[N];
  int required;
  int positional;

  constexpr Signature signature() const noexcept {
    return {function, names, N, required, positional};
  }
  bool read(PyObject* const* args, Py_ssize_t given, PyObject* kwnames,
            PyObject* (&values)[N]) const {
    return read_arguments(signature(), args, given, kwnames, values);
  }
  bool read_tuple(PyObject* args, PyObject* kwargs, PyObject* (&values)[N]) const {
    return read_arguments(signature(), args, kwargs, values);
  }
};

}  // namespace zerofill::python
