#include "python/arguments.h"

namespace zerofill::python {
namespace {

int find(const Signature& signature, PyObject* name) {
  for (int i = 0; i < signature.count; ++i) {
    if (PyUnicode_CompareWithASCIIString(name, signature.names[i]) == 0) return i;
  }
  return -1;
}

bool too_many(const Signature& signature, Py_ssize_t given) {
  if (signature.required == signature.positional) {
    PyErr_Format(PyExc_TypeError, "%s() takes %d positional argument%s but %zd were given",
                 signature.function, signature.positional, signature.positional == 1 ? "" : "s",
                 given);
  } else {
    PyErr_Format(PyExc_TypeError,
                 "%s() takes from %d to %d positional arguments but %zd were given",
                 signature.function, signature.required, signature.positional, given);
  }
  return false;
}

bool put_keyword(const Signature& signature, PyObject* name, PyObject* value, PyObject** values) {
  const int index = find(signature, name);
  if (index < 0) {
    PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%S'",
                 signature.function, name);
    return false;
  }
  if (values[index] != nullptr) {
    PyErr_Format(PyExc_TypeError,
                 "argument for %s() given by name ('%s') and position (position %d)",
                 signature.function, signature.names[index], index);
    return false;
  }
  values[index] = value;
  return true;
}

bool put_positional(const Signature& signature, PyObject* const* args, Py_ssize_t given,
                    PyObject** values) {
  if (given > signature.positional) return too_many(signature, given);
  for (Py_ssize_t i = 0; i < given; ++i) values[i] = args[i];
  for (Py_ssize_t i = given; i < signature.count; ++i) values[i] = nullptr;
  return true;
}

bool has_required(const Signature& signature, PyObject* const* values) {
  for (int i = 0; i < signature.required; ++i) {
    if (values[i] != nullptr) continue;
    PyErr_Format(PyExc_TypeError, "%s() missing required argument '%s' (pos %d)",
                 signature.function, signature.names[i], i);
    return false;
  }
  return true;
}

}  // namespace

bool read_arguments(const Signature& signature, PyObject* const* args, Py_ssize_t positional,
                    PyObject* names, PyObject** values) {
  if (!put_positional(signature, args, positional, values)) return false;
  const Py_ssize_t named = names != nullptr ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* name = PyTuple_GET_ITEM(names, i);
    if (!put_keyword(signature, name, args[positional + i], values)) return false;
  }
  return has_required(signature, values);
}

bool read_arguments(const Signature& signature, PyObject* args, PyObject* kwargs,
                    PyObject** values) {
  PyObject* const* items = &PyTuple_GET_ITEM(args, 0);
  if (!put_positional(signature, items, PyTuple_GET_SIZE(args), values)) return false;
  PyObject* name;
  PyObject* value;
  Py_ssize_t position = 0;
  while (kwargs != nullptr && PyDict_Next(kwargs, &position, &name, &value)) {
    if (!PyUnicode_Check(name)) {  // type.__call__ does not check it
      PyErr_SetString(PyExc_TypeError, "keywords must be strings");
      return false;
    }
    if (!put_keyword(signature, name, value, values)) return false;
  }
  return has_required(signature, values);
}

}  // namespace zerofill::python
