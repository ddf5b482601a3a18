#include "python/creation.h"

#include <algorithm>
#include <cstdlib>

#include "python/arguments.h"
#include "python/imported.h"
#include "python/register.h"

namespace zerofill::python {
namespace {

Reference numpy_attribute(const char* name) {
  const Reference numpy = module_named("numpy");
  return numpy ? Reference(PyObject_GetAttrString(numpy.get(), name)) : Reference();
}

bool read_device(PyObject* object) {
  if (object == nullptr || object == Py_None) return true;
  if (PyUnicode_Check(object) && PyUnicode_CompareWithASCIIString(object, "cpu") == 0) return true;
  PyErr_Format(PyExc_ValueError, "Device not understood. Only \"cpu\" is allowed, but received: %S",
               object);
  return false;
}

/// An object's own __array_function__, to which NumPy would leave making the array. Null when it
/// has none, and on an error, which is then set.
Reference own_array_function(PyObject* object) {
  if (PyArray_CheckExact(object)) return Reference();
  PyObject* type = reinterpret_cast<PyObject*>(Py_TYPE(object));
  Reference own(PyObject_GetAttrString(type, "__array_function__"));
  if (!own) {
    if (PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
    return Reference();
  }
  const Reference ndarrays(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyArray_Type), "__array_function__"));
  return !ndarrays || own.get() == ndarrays.get() ? Reference() : std::move(own);
}

/// np.zeros(..., like=...): the library of `like` makes the array, or NumPy raises because there is
/// none.
PyObject* zeros_of_another_library(PyObject* shape, PyObject* dtype, PyObject* order,
                                   PyObject* like) {
  const Reference function = numpy_attribute("zeros");
  const Reference args(PyTuple_Pack(1, shape));
  const Reference kwargs(PyDict_New());
  if (!function || !args || !kwargs) return nullptr;
  if (dtype != nullptr && PyDict_SetItemString(kwargs.get(), "dtype", dtype) != 0) return nullptr;
  if (order != nullptr && PyDict_SetItemString(kwargs.get(), "order", order) != 0) return nullptr;
  if (PyDict_SetItemString(kwargs.get(), "like", like) != 0) return nullptr;
  return PyObject_Call(function.get(), args.get(), kwargs.get());
}

bool is_numpys_own(PyObject* like) {
  return PyArray_Check(like) && !own_array_function(like) && !PyErr_Occurred();
}

constexpr Parameters<9> kZeros{
    "zeros",
    {"shape", "dtype", "order", "device", "like", "alignment", "commit", "shared", "placement"},
    1,
    3};

PyObject* zeros(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* values[9];
  if (!kZeros.read(args, count, names, values)) return nullptr;
  auto [shape, dtype, order, device, like, alignment, commit, shared, placement] = values;
  ArrayRequest request;
  if (!read_device(device) ||
      !read_memory_options({alignment, commit, shared, placement}, &request.memory))
    return nullptr;
  if (like != nullptr && like != Py_None && !is_numpys_own(like)) {
    return PyErr_Occurred() ? nullptr : zeros_of_another_library(shape, dtype, order, like);
  }
  if (!read_shape(shape, &request.layout.shape)) return nullptr;
  if (dtype == nullptr) {
    request.type = default_dtype();
  } else if (!read_dtype(dtype, DTypeRules::numpy, &request.type)) {
    return nullptr;
  }
  if (order != nullptr && !read_c_or_fortran(order, &request.layout.fortran)) return nullptr;
  return new_zeros(&request);
}

/// Sets strides so that the dimensions lie in memory in the same order as the prototype's.
void keep_order(PyArrayObject* prototype, npy_intp element_bytes, Layout* layout) {
  int axes[NPY_MAXDIMS];
  const int count = layout->shape.dimensions;
  for (int i = 0; i < count; ++i) axes[i] = i;
  const npy_intp* strides = PyArray_STRIDES(prototype);
  std::stable_sort(axes, axes + count,
                   [&](int a, int b) { return std::abs(strides[a]) > std::abs(strides[b]); });
  // Unsigned, because it may overflow: sizes that are too large are refused later.
  auto stride = static_cast<std::size_t>(element_bytes);
  for (int i = count - 1; i >= 0; --i) {
    layout->strides[axes[i]] = static_cast<npy_intp>(stride);
    stride *= static_cast<std::size_t>(layout->shape.lengths[axes[i]]);
  }
  layout->strided = true;
}

/// Chooses the memory order for an array like the prototype, as np.zeros_like reads `order`.
void choose_layout(PyArrayObject* prototype, NPY_ORDER order, PyArray_Descr* descr,
                   Layout* layout) {
  const bool is_fortran = PyArray_IS_F_CONTIGUOUS(prototype) && !PyArray_IS_C_CONTIGUOUS(prototype);
  layout->fortran = order == NPY_FORTRANORDER || (order == NPY_ANYORDER && is_fortran);
  if (order != NPY_KEEPORDER) return;
  const int dimensions = layout->shape.dimensions;
  if (dimensions != PyArray_NDIM(prototype) || dimensions < 2) return;
  if (PyArray_IS_C_CONTIGUOUS(prototype)) return;
  layout->fortran = is_fortran;
  if (!is_fortran) keep_order(prototype, final_element_bytes(descr), layout);
}

bool read_like_shape(PyObject* shape, PyArrayObject* prototype, Shape* read) {
  if (shape != Py_None) return read_shape(shape, read);
  read->dimensions = PyArray_NDIM(prototype);
  std::copy_n(PyArray_DIMS(prototype), read->dimensions, read->lengths);
  return true;
}

PyObject* as_array(PyObject* object) {
  if (!PyArray_Check(object)) return PyArray_FROM_OF(object, NPY_ARRAY_CARRAY_RO);
  Py_INCREF(object);
  return object;
}

/// np.zeros_like(a, dtype, order, subok, shape), where NumPy or another library makes the array.
PyObject* call_numpys_zeros_like(PyObject* const* args, PyObject* dtype) {
  const Reference function = numpy_attribute("zeros_like");
  if (!function) return nullptr;
  PyObject* given[] = {args[0], dtype, args[2], args[3], args[4]};
  return PyObject_Vectorcall(function.get(), given, 5, nullptr);
}

PyObject* zeros_like_by_numpy(PyObject* const* args, ArrayRequest* request) {
  const Reference dtype = Reference::borrowed(request->type.descr.get());
  struct Context {
    PyObject* const* args;
    PyObject* dtype;
  } context{args, dtype.get()};
  const auto make = [](const ArrayRequest&, void* opaque) {
    const auto* given = static_cast<Context*>(opaque);
    return call_numpys_zeros_like(given->args, given->dtype);
  };
  return with_our_handler(request, make, &context);
}

// Called by zerofill.zeros_like alone, which passes all arguments by position: (a, dtype, order,
// subok, shape, device, alignment, commit, shared, placement).
PyObject* zeros_like(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 10) {
    PyErr_SetString(PyExc_TypeError, "zeros_like() is called through zerofill.zeros_like");
    return nullptr;
  }
  NPY_ORDER order = NPY_KEEPORDER;
  ArrayRequest request;
  if (!read_device(args[5]) ||
      !read_memory_options({args[6], args[7], args[8], args[9]}, &request.memory))
    return nullptr;
  if (own_array_function(args[0])) return call_numpys_zeros_like(args, args[1]);
  if (PyErr_Occurred() || !PyArray_OrderConverter(args[2], &order)) return nullptr;
  const Py_ssize_t subok = PyNumber_AsSsize_t(args[3], PyExc_OverflowError);
  if (subok == -1 && PyErr_Occurred()) return nullptr;

  const Reference array(as_array(args[0]));
  if (!array) return nullptr;
  auto* prototype = reinterpret_cast<PyArrayObject*>(array.get());
  if (!read_like_shape(args[4], prototype, &request.layout.shape)) return nullptr;
  if (args[1] == Py_None) {
    request.type.descr = Reference::borrowed(reinterpret_cast<PyObject*>(PyArray_DESCR(prototype)));
  } else if (!read_dtype(args[1], DTypeRules::numpy, &request.type)) {
    return nullptr;
  }
  const ZeroForm form = zero_form(request.type.get());
  if (form == ZeroForm::failed) return nullptr;
  if (form == ZeroForm::by_numpy && request.memory.shared) {
    return refuse_to_share(request.type.get());
  }
  if (form == ZeroForm::by_numpy) return zeros_like_by_numpy(args, &request);
  choose_layout(prototype, order, request.type.get(), &request.layout);
  Reference made(new_zeros(&request));
  if (!made || subok == 0 || PyArray_CheckExact(prototype)) return made.release();
  return as_instance_like(made.get(), array.get());
}

constexpr const char* kZerosDoc =
    R"(zeros(shape, dtype=None, order='C', *, device=None, like=None, alignment=64, commit='eager', shared=False, placement=None)
--

Return a new array of zeros, resident and aligned.

Takes what :func:`numpy.zeros` takes and gives its results and error messages.

Parameters
----------
shape : int or sequence of ints
    Shape of the array.
dtype : data-type, optional
    Read as NumPy reads it (default float64), and TensorFlow's names that NumPy does not know,
    such as "bfloat16" or "qint8".
order : {"C", "F"}, optional
    Row-major (default) or column-major.
device : {"cpu", None}, optional
    For the array API standard.
like : array_like, optional
    An array of another library, which then makes the array as it does (NEP 35): `alignment`,
    `commit`, `shared` and `placement` are not for it.
alignment : int, optional
    The address of the first element is a multiple of this power of two, from 1 to 2**30 bytes.
    Default 64.
commit : {"eager", "lazy", "background"}, optional
    "eager" (default): every page is resident on return. "lazy": pages become resident when they
    are first touched, as with :func:`numpy.zeros`. "background": as eager, but from 32 MiB on the
    call returns at once where the memory is fresh, and threads make its pages ahead of their use.
shared : bool, optional
    Whether other processes can have the memory too: those that this one forks, and those to which
    the array or a view of it is sent, by `multiprocessing`, `concurrent.futures`, joblib or Dask.
    What one of them writes, all of them see. Default False.
placement : {None, "caller", "interleave"} or int, optional
    On which NUMA nodes the memory is put, whichever thread touches it first. "caller": where the
    memory policy of the calling thread says (set_mempolicy(2), numactl(8)), which by default is
    its own node. "interleave": page by page on all nodes in turn. A number: on that node alone.
    None (default): as the option `placement` of :func:`configure` says, which is "caller" unless
    it is set. Has no effect where there is one node.

Returns
-------
numpy.ndarray
    Writable zeros. Its ``base`` is a :class:`zerofill.Buffer`, so ``OWNDATA`` is False. Arrays of
    objects, ``StringDType`` and users' own dtypes are NumPy's own.

Raises
------
MemoryError
    When the memory cannot be had, or, unless lazy, does not fit in what the process may still use.
    Nothing was touched then.
TypeError, ValueError
    As :func:`numpy.zeros`; also for dtype float8_e8m0fnu, which has no zero, for an invalid
    alignment, commit, `shared` or `placement`, and for `shared` with a dtype whose elements are
    not in the array's memory.

Examples
--------
>>> import zerofill
>>> zerofill.zeros((2, 3), dtype="i4")
array([[0, 0, 0],
       [0, 0, 0]], dtype=int32)
>>> zerofill.zeros(1000, alignment=4096).ctypes.data % 4096
0
)";

PyMethodDef zeros_method{"zeros",
                         reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(zeros)),
                         METH_FASTCALL | METH_KEYWORDS, kZerosDoc};
PyMethodDef zeros_like_method{
    "zeros_like", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(zeros_like)),
    METH_FASTCALL, nullptr};

}  // namespace

bool read_c_or_fortran(PyObject* object, bool* fortran) {
  NPY_ORDER order = NPY_CORDER;
  if (!PyArray_OrderConverter(object, &order)) return false;
  if (order != NPY_CORDER && order != NPY_FORTRANORDER) {
    PyErr_SetString(PyExc_ValueError, "only 'C' or 'F' order is permitted");
    return false;
  }
  *fortran = order == NPY_FORTRANORDER;
  return true;
}

bool register_creation(PyObject* module) {
  return register_function(module, &zeros_method) && register_function(module, &zeros_like_method);
}

}  // namespace zerofill::python
