#include "python/clear.h"

#include <algorithm>
#include <cstring>

#include "memory/allocator.h"
#include "python/call_into_memory.h"
#include "python/dtype.h"
#include "python/numpy.h"
#include "python/register.h"

namespace zerofill::python {
namespace {

/// Below this, giving up the GIL costs more than the zeroing.
constexpr std::size_t kKeepGilBytes = 64 * KiB;

/// A range over memory with NumPy's kind of shape. False when there is nothing in it.
template <typename Integer>
bool make_range(void* address, Py_ssize_t itemsize, int dimensions, const Integer* lengths,
                const Integer* strides, memory::StridedRange* range) {
  range->address = static_cast<std::byte*>(address);
  range->run_bytes = static_cast<std::size_t>(itemsize);
  range->dimensions = dimensions;
  std::copy_n(lengths, dimensions, range->lengths);
  std::copy_n(strides, dimensions, range->strides);
  return itemsize > 0 && std::find(lengths, lengths + dimensions, 0) == lengths + dimensions;
}

std::size_t count_bytes(const memory::StridedRange& range) {
  std::size_t bytes = range.run_bytes;
  for (int i = 0; i < range.dimensions; ++i) bytes *= static_cast<std::size_t>(range.lengths[i]);
  return bytes;
}

/// False when a signal handler raised in the middle.
bool zero(const memory::StridedRange& range) {
  if (count_bytes(range) < kKeepGilBytes) {
    memory::zero_strided(range, {});
    return true;
  }
  try {
    without_gil([&](const team::Poll& poll) { memory::zero_strided(range, poll); });
  } catch (const memory::Interrupted&) {
    return false;
  }
  return true;
}

/// NumPy's own assignment of its own zero, which releases what the elements refer to.
bool assign_zero(PyArrayObject* array) {
  PyArray_Descr* descr = PyArray_DESCR(array);
  Py_INCREF(descr);  // PyArray_Zeros takes it over
  const Reference zero(PyArray_Zeros(0, nullptr, descr, 0));
  if (!zero) return false;
  return PyArray_CopyInto(array, reinterpret_cast<PyArrayObject*>(zero.get())) == 0;
}

bool clear_array(PyArrayObject* array) {
  if (PyArray_FailUnlessWriteable(array, "assignment destination") < 0) return false;
  const ZeroForm form = zero_form(PyArray_DESCR(array));
  if (form == ZeroForm::by_numpy) return assign_zero(array);
  if (form == ZeroForm::none) {
    raise_no_zero(PyArray_DESCR(array));
    return false;
  }
  memory::StridedRange range;
  return !make_range(PyArray_DATA(array), PyArray_ITEMSIZE(array), PyArray_NDIM(array),
                     PyArray_DIMS(array), PyArray_STRIDES(array), &range) ||
         zero(range);
}

/// A view of an object's memory, given up at the end of its scope.
class BufferView {
 public:
  BufferView() = default;
  ~BufferView() {
    if (held_) PyBuffer_Release(&view_);
  }
  BufferView(const BufferView&) = delete;
  BufferView& operator=(const BufferView&) = delete;

  bool get(PyObject* object, int flags) {
    held_ = PyObject_GetBuffer(object, &view_, flags) == 0;
    return held_;
  }
  const Py_buffer& operator*() const noexcept { return view_; }
  const Py_buffer* operator->() const noexcept { return &view_; }

 private:
  Py_buffer view_;
  bool held_ = false;
};

/// Whether a format of the struct module's kind, with PEP 3118's additions, has the code 'O'.
bool holds_objects(const char* format) {
  bool in_name = false;  // of a field, between colons
  for (; format != nullptr && *format != '\0'; ++format) {
    if (*format == ':') in_name = !in_name;
    if (*format == 'O' && !in_name) return true;
  }
  return false;
}

/// The error for an object whose memory cannot be written to. pre: a BufferError is set.
void explain_no_view(PyObject* object) {
  if (!PyErr_ExceptionMatches(PyExc_BufferError)) return;
  PyErr_Clear();
  BufferView read_only;
  if (read_only.get(object, PyBUF_FULL_RO)) {
    PyErr_Format(PyExc_ValueError, "clear() needs writable memory, and this %s is read-only",
                 Py_TYPE(object)->tp_name);
  }
}

/// Some exporters (ctypes) leave the strides out although they were asked for: then it is one run.
bool make_range(const Py_buffer& view, memory::StridedRange* range) {
  const bool contiguous = view.strides == nullptr || view.shape == nullptr;
  return contiguous
             ? make_range<Py_ssize_t>(view.buf, view.len, 0, nullptr, nullptr, range)
             : make_range(view.buf, view.itemsize, view.ndim, view.shape, view.strides, range);
}

bool clear_buffer(PyObject* object) {
  BufferView view;
  if (!view.get(object, PyBUF_WRITABLE | PyBUF_STRIDES | PyBUF_FORMAT)) {
    explain_no_view(object);
    return false;
  }
  if (holds_objects(view->format)) {
    PyErr_Format(PyExc_TypeError,
                 "clear() cannot zero a buffer of Python objects (format %s): they would be lost",
                 view->format);
    return false;
  }
  if (view->ndim > memory::StridedRange::kMaxDimensions) {
    PyErr_Format(PyExc_ValueError, "clear() takes at most %d dimensions, got %d",
                 memory::StridedRange::kMaxDimensions, view->ndim);
    return false;
  }
  memory::StridedRange range;
  return !make_range(*view, &range) || zero(range);
}

PyObject* clear(PyObject*, PyObject* object) {
  bool cleared = false;
  if (PyArray_Check(object)) {
    cleared = clear_array(reinterpret_cast<PyArrayObject*>(object));
  } else if (PyObject_CheckBuffer(object)) {
    cleared = clear_buffer(object);
  } else {
    PyErr_Format(PyExc_TypeError,
                 "clear() takes a writable array or buffer, not an object of type %s",
                 Py_TYPE(object)->tp_name);
  }
  return cleared ? Py_NewRef(object) : nullptr;
}

constexpr const char* kDoc = R"(clear(array, /)
--

Set every element of an existing array or buffer to zero, in place and in parallel.

Parameters
----------
array : numpy.ndarray or buffer
    A writable array of any dtype, shape and strides, or any object with a writable buffer
    (bytearray, memoryview, array.array, mmap.mmap, zerofill.Buffer). Only the elements are
    written to, not what lies between them.

Returns
-------
object
    The same object.

Raises
------
ValueError
    When the memory is read-only; nothing was written then.
TypeError
    When the object has no memory to write to, for a buffer of Python objects, and for dtype
    float8_e8m0fnu, which has no zero.

Examples
--------
>>> import numpy, zerofill
>>> a = numpy.ones((2, 4), "i4")
>>> zerofill.clear(a[:, ::2])
array([[0, 0],
       [0, 0]], dtype=int32)
>>> a
array([[0, 1, 0, 1],
       [0, 1, 0, 1]], dtype=int32)
)";

PyMethodDef method{"clear", clear, METH_O, kDoc};

}  // namespace

bool register_clear(PyObject* module) { return register_function(module, &method); }

}  // namespace zerofill::python
