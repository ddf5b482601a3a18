#include "python/shape.h"

#include <algorithm>

#include "python/reference.h"

namespace zerofill::python {
namespace {

/// The common case, a tuple of Python's own ints, without a call to NumPy. False, with no error
/// set, when it is not that case.
bool read_plain_tuple(PyObject* object, Shape* shape) {
  if (!PyTuple_CheckExact(object)) return false;
  const Py_ssize_t dimensions = PyTuple_GET_SIZE(object);
  if (dimensions > NPY_MAXDIMS) return false;
  for (Py_ssize_t i = 0; i < dimensions; ++i) {
    PyObject* item = PyTuple_GET_ITEM(object, i);
    if (!PyLong_CheckExact(item)) return false;
    const Py_ssize_t length = PyLong_AsSsize_t(item);
    if (length < 0) {  // or too large: NumPy reports it
      PyErr_Clear();
      return false;
    }
    shape->lengths[i] = length;
  }
  shape->dimensions = static_cast<int>(dimensions);
  return true;
}

bool read_with_numpy(PyObject* object, Shape* shape) {
  PyArray_Dims read{nullptr, 0};
  if (!PyArray_IntpConverter(object, &read)) return false;
  shape->dimensions = read.len;
  std::copy_n(read.ptr, read.len, shape->lengths);
  PyDimMem_FREE(read.ptr);
  return true;
}

bool is_plain(PyObject* object) {
  return PyTuple_Check(object) || PyList_Check(object) || PyLong_Check(object);
}

/// Copies a list, because another thread may change it while it is read.
Reference as_tuple(Reference object) {
  if (!object || !PyList_Check(object.get())) return object;
  return Reference(PyList_AsTuple(object.get()));
}

/// What object.as_list() gives; the object itself where it has no such method.
Reference as_list(PyObject* object) {
  if (is_plain(object)) return Reference::borrowed(object);
  const Reference method(PyObject_GetAttrString(object, "as_list"));
  if (method) return Reference(PyObject_CallNoArgs(method.get()));
  if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return Reference();
  PyErr_Clear();
  return Reference::borrowed(object);
}

bool has_unknown_dimension(PyObject* object) {
  if (object == Py_None) return true;
  if (!PyTuple_Check(object)) return false;
  PyObject* const* items = &PyTuple_GET_ITEM(object, 0);
  PyObject* const* end = items + PyTuple_GET_SIZE(object);
  return std::find(items, end, Py_None) != end;
}

}  // namespace

bool read_shape(PyObject* object, Shape* shape) {
  return read_plain_tuple(object, shape) || read_with_numpy(object, shape);
}

bool read_initializer_shape(PyObject* object, Shape* shape) {
  if (read_plain_tuple(object, shape)) return true;
  const Reference plain = as_tuple(as_list(object));
  if (!plain) return false;
  if (has_unknown_dimension(plain.get())) {
    PyErr_Format(PyExc_ValueError,
                 "shape must be fully known to be filled with zeros, got %R; give every unknown "
                 "dimension (None) a length",
                 object);
    return false;
  }
  return read_with_numpy(plain.get(), shape);
}

}  // namespace zerofill::python
