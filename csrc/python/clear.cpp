#include "python/clear.h"

#include <algorithm>
#include <cstring>

#include "base/errors.h"
#include "base/units.h"
#include "python/dlpack.h"
#include "python/dtype.h"
#include "python/gil.h"
#include "python/numpy.h"
#include "python/register.h"
#include "python/torch.h"
#include "zeroing/strided.h"

namespace zerofill::python {
namespace {

/// Below this size, releasing the GIL costs more than the zeroing.
constexpr std::size_t kKeepGilBytes = 64 * KiB;

/// A range over memory with NumPy's kind of shape.
template <typename Integer>
void make_range(void* address, Py_ssize_t itemsize, int dimensions, const Integer* lengths,
                const Integer* strides, zeroing::StridedRange* range) {
  range->address = static_cast<std::byte*>(address);
  range->run_bytes = static_cast<std::size_t>(itemsize);
  range->dimensions = dimensions;
  std::copy_n(lengths, dimensions, range->lengths);
  std::copy_n(strides, dimensions, range->strides);
}

/// False when a signal handler raised in the middle.
bool zero(const zeroing::StridedRange& range) {
  if (zeroing::count_bytes(range) < kKeepGilBytes) {
    zeroing::zero_strided(range, {});
    return true;
  }
  try {
    without_gil([&](const team::Poll& poll) { zeroing::zero_strided(range, poll); });
  } catch (const Interrupted&) {
    return false;
  }
  return true;
}

/// The same for a range as somebody describes it. False with an error set where there is no such
/// memory.
bool zero_described(const zeroing::StridedRange& range) {
  const zeroing::Geometry geometry = zeroing::classify(range);
  if (range.run_bytes == 0 || geometry == zeroing::Geometry::empty) return true;
  if (geometry == zeroing::Geometry::regular) return zero(range);
  PyErr_SetString(PyExc_ValueError, "clear() got a buffer that leads outside of memory");
  return false;
}

/// Has NumPy assign its own zero, which also releases what the elements refer to.
bool assign_zero(PyArrayObject* array) {
  PyArray_Descr* descr = PyArray_DESCR(array);
  Py_INCREF(descr);  // PyArray_Zeros takes it over
  const Reference zero(PyArray_Zeros(0, nullptr, descr, 0));
  if (!zero) return false;
  return PyArray_CopyInto(array, reinterpret_cast<PyArrayObject*>(zero.get())) == 0;
}

bool clear_array(PyArrayObject* array) {
  if (PyArray_FailUnlessWriteable(array, "assignment destination") < 0) return false;
  const Reference held = Reference::borrowed(reinterpret_cast<PyObject*>(PyArray_DESCR(array)));
  auto* descr = reinterpret_cast<PyArray_Descr*>(held.get());
  const ZeroForm form = zero_form(descr);
  if (form == ZeroForm::none) raise_no_zero(descr);
  if (form == ZeroForm::none || form == ZeroForm::failed) return false;
  if (form == ZeroForm::by_numpy || !has_only_fields(descr)) return assign_zero(array);
  zeroing::StridedRange range;
  make_range(PyArray_DATA(array), PyArray_ITEMSIZE(array), PyArray_NDIM(array), PyArray_DIMS(array),
             PyArray_STRIDES(array), &range);
  return zero_described(range);
}

/// A view of an object's memory, released at the end of its scope.
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

/// Whether a buffer's format (struct's, with the additions of PEP 3118) has the code 'O'.
bool holds_objects(const char* format) {
  bool in_name = false;  // of a field, between colons
  for (; format != nullptr && *format != '\0'; ++format) {
    if (*format == ':') in_name = !in_name;
    if (*format == 'O' && !in_name) return true;
  }
  return false;
}

/// Replaces the BufferError of a read-only object with a ValueError that says so.
void explain_no_view(PyObject* object) {
  if (!PyErr_ExceptionMatches(PyExc_BufferError)) return;
  PyErr_Clear();
  BufferView read_only;
  if (read_only.get(object, PyBUF_FULL_RO)) {
    PyErr_Format(PyExc_ValueError, "clear() needs writable memory, and this %s is read-only",
                 Py_TYPE(object)->tp_name);
  }
}

/// Some exporters (ctypes) leave the strides out although they were asked for: their memory is one
/// run.
void make_range(const Py_buffer& view, zeroing::StridedRange* range) {
  const bool contiguous = view.strides == nullptr || view.shape == nullptr;
  contiguous ? make_range<Py_ssize_t>(view.buf, view.len, 0, nullptr, nullptr, range)
             : make_range(view.buf, view.itemsize, view.ndim, view.shape, view.strides, range);
}

/// Whether a format has fields or padding, whose bytes must not be written to.
bool is_structured(const char* format) {
  return format != nullptr && std::strpbrk(format, "{x") != nullptr;
}

/// NumPy reads the format, and makes an array that shares the memory.
bool clear_structured_buffer(PyObject* object) {
  const Reference array(PyArray_FROM_O(object));
  return array && clear_array(reinterpret_cast<PyArrayObject*>(array.get()));
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
  if (is_structured(view->format)) return clear_structured_buffer(object);
  if (view->ndim > zeroing::StridedRange::kMaxDimensions) {
    PyErr_Format(PyExc_ValueError, "clear() takes at most %d dimensions, got %d",
                 zeroing::StridedRange::kMaxDimensions, view->ndim);
    return false;
  }
  zeroing::StridedRange range;
  make_range(*view, &range);
  return zero_described(range);
}

/// NumPy reads the interface, and makes an array that shares the memory.
bool clear_array_interface(PyObject* object) {
  PyObject* made = PyArray_FromInterface(object);
  if (made == Py_NotImplemented) {  // a class with a property of that name; not a new reference
    PyErr_Format(PyExc_TypeError, "clear() needs an array, not the class %R", object);
    return false;
  }
  const Reference array(made);
  if (array && PyDataType_REFCHK(PyArray_DESCR(reinterpret_cast<PyArrayObject*>(made)))) {
    PyErr_Format(PyExc_TypeError,
                 "clear() cannot zero Python objects behind an __array_interface__ (dtype %S): "
                 "nothing says that they are there",
                 PyArray_DESCR(reinterpret_cast<PyArrayObject*>(made)));
    return false;
  }
  return array && clear_array(reinterpret_cast<PyArrayObject*>(array.get()));
}

/// DLPack is asked first, because it refuses what is on another device or needs its gradient.
bool clear_tensor(PyObject* tensor) {
  const Reference described = without_conjugation(tensor);
  ForeignMemory memory;
  if (!described || !get_dlpack_memory(described.get(), &memory)) return false;
  const int other_signs = is_read_with_other_signs(tensor);
  if (other_signs != 0) return other_signs > 0 && zero_by_torch(tensor);
  return announce_write(tensor) && (memory.empty || zero(memory.range));
}

bool clear_dlpack(PyObject* object) {
  const int is_tensor = is_torch_tensor(object);
  if (is_tensor != 0) return is_tensor > 0 && clear_tensor(object);
  ForeignMemory memory;
  return get_dlpack_memory(object, &memory) && (memory.empty || zero(memory.range));
}

/// 1 or 0, or -1 with an error set. An instance's attributes count too, because NumPy looks at
/// them.
int has_attribute(PyObject* object, const char* name) {
  const Reference attribute(PyObject_GetAttrString(object, name));
  if (attribute) return 1;
  if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
  PyErr_Clear();
  return 0;
}

/// The first protocol that the object offers decides. When it fails, no other is tried, because it
/// failed for a reason.
bool clear_any(PyObject* object) {
  if (PyArray_Check(object)) return clear_array(reinterpret_cast<PyArrayObject*>(object));
  if (PyObject_CheckBuffer(object)) return clear_buffer(object);
  const int interface = has_attribute(object, "__array_interface__");
  if (interface != 0) return interface > 0 && clear_array_interface(object);
  const int dlpack = has_attribute(object, "__dlpack__");
  if (dlpack != 0) return dlpack > 0 && clear_dlpack(object);
  PyErr_Format(PyExc_TypeError,
               "clear() takes a writable array or buffer, not an object of type %s",
               Py_TYPE(object)->tp_name);
  return false;
}

PyObject* clear(PyObject*, PyObject* object) {
  return clear_any(object) ? Py_NewRef(object) : nullptr;
}

constexpr const char* kDoc = R"(clear(array, /)
--

Set every element of an existing array or buffer to zero, in place and in parallel.

Parameters
----------
array : numpy.ndarray, buffer, or array of another library
    A writable array of any dtype, shape and strides; any object with a writable buffer
    (bytearray, memoryview, array.array, mmap.mmap, zerofill.Buffer), with
    ``__array_interface__``, or with DLPack of version 1 or newer on the CPU (a tensor of torch
    2.9 or newer).
    Only the elements are written to, not what lies between them. A masked array keeps its mask.

Returns
-------
object
    The same object.

Raises
------
ValueError
    When the memory is read-only, is on another device, or is only a copy of the object's, and for
    more than 64 dimensions. Nothing was written then.
TypeError
    When the object has no memory to write to or its DLPack is older than version 1, for a buffer of
    Python objects, for elements that are not a whole number of bytes, and for dtype float8_e8m0fnu,
    which has no zero.
BufferError, RuntimeError
    As the object raises it, such as a torch tensor that needs its gradient, or an inference tensor
    of torch outside of inference mode.

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
