#include "python/initializer.h"

#include <structmember.h>

#include <cstddef>

#include "python/arguments.h"
#include "python/array.h"
#include "python/creation.h"
#include "python/register.h"

namespace zerofill::python {
namespace {

/// An immutable object that makes arrays of zeros when it is called.
struct NativeZeros {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* dtype;
  PyObject* array_dtype;  ///< what of_arrays() says of dtype
  PyObject* fill;         ///< what to fill an object array with; null for NumPy's zero
  PyObject* name;         ///< TensorFlow's, where the dtype does not tell it; else None
  bool fortran;
  MemoryOptions memory;
};

NativeZeros* as_native(PyObject* self) { return reinterpret_cast<NativeZeros*>(self); }

constexpr Parameters<5> kCall{
    "Zeros.__call__",
    {"shape", "dtype", "partition_info", "partition_shape", "partition_offset"},
    1,
    3};

/// TensorFlow may want only a part of a variable, and passes that part's shape.
PyObject* wanted_shape(PyObject* shape, PyObject* partition_shape) {
  return partition_shape == nullptr || partition_shape == Py_None ? shape : partition_shape;
}

PyObject* call(PyObject* self, PyObject* const* args, size_t nargs, PyObject* names) {
  PyObject* values[5];
  if (!kCall.read(args, PyVectorcall_NARGS(nargs), names, values)) return nullptr;
  NativeZeros* initializer = as_native(self);
  ArrayRequest request;
  PyObject* shape = wanted_shape(values[0], values[3]);
  if (!read_initializer_shape(shape, &request.layout.shape)) return nullptr;
  if (values[1] == nullptr || values[1] == Py_None) {
    request.type.descr = Reference::borrowed(initializer->array_dtype);
    request.type.fill = Reference::borrowed(initializer->fill);
  } else if (!read_dtype(values[1], DTypeRules::tensorflow, &request.type)) {
    return nullptr;
  }
  request.layout.fortran = initializer->fortran;
  request.memory = initializer->memory;
  return new_zeros(&request);
}

/// The same call as a method. `Zeros.__call__` is this method and not the type's slot, because the
/// method has a signature and a docstring, which TensorFlow and people look at.
PyObject* call_method(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  return call(self, args, static_cast<size_t>(count), names);
}

/// Like read_c_or_fortran(), whose errors are NumPy's: these name what is allowed here.
bool read_order(PyObject* object, bool* fortran) {
  if (read_c_or_fortran(object, fortran)) return true;
  for (PyObject* type : {PyExc_ValueError, PyExc_TypeError}) {
    if (!PyErr_ExceptionMatches(type)) continue;
    PyErr_Format(type, "order must be \"C\" or \"F\", got %R", object);
    break;
  }
  return false;
}

constexpr Parameters<7> kNew{
    "Zeros", {"dtype", "fill", "name", "order", "alignment", "commit", "shared"}, 7, 7};

PyObject* construct(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* values[7];
  if (!kNew.read_tuple(args, kwargs, values)) return nullptr;
  auto [dtype, fill, name, order, alignment, commit, shared] = values;
  bool fortran = false;
  MemoryOptions memory;
  if (!PyArray_DescrCheck(dtype)) {
    PyErr_Format(PyExc_TypeError, "dtype must be a numpy.dtype here, got %R", dtype);
    return nullptr;
  }
  auto* descr = reinterpret_cast<PyArray_Descr*>(dtype);
  const ZeroForm form = zero_form(descr);
  if (form == ZeroForm::none) raise_no_zero(descr);
  if (form == ZeroForm::none || form == ZeroForm::failed) return nullptr;
  if (!read_order(order, &fortran)) return nullptr;
  if (!read_memory_options({alignment, commit, shared, nullptr}, &memory)) return nullptr;
  Reference array_dtype = of_arrays(reinterpret_cast<PyArray_Descr*>(Py_NewRef(dtype)));
  if (!array_dtype) return nullptr;
  // object.__new__, because it refuses abstract classes.
  const Reference nothing(PyTuple_New(0));
  PyObject* self = nothing ? PyBaseObject_Type.tp_new(type, nothing.get(), nullptr) : nullptr;
  if (self == nullptr) return nullptr;
  NativeZeros* initializer = as_native(self);
  initializer->vectorcall = call;
  initializer->dtype = Py_NewRef(dtype);
  initializer->array_dtype = array_dtype.release();
  initializer->fill = fill == Py_None ? nullptr : Py_NewRef(fill);
  initializer->name = Py_NewRef(name);
  initializer->fortran = fortran;
  initializer->memory = memory;
  return self;
}

void deallocate(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_XDECREF(as_native(self)->dtype);
  Py_XDECREF(as_native(self)->array_dtype);
  Py_XDECREF(as_native(self)->fill);
  Py_XDECREF(as_native(self)->name);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* get_dtype(PyObject* self, void*) { return Py_NewRef(as_native(self)->dtype); }

PyObject* get_name(PyObject* self, void*) { return Py_NewRef(as_native(self)->name); }

PyObject* get_order(PyObject* self, void*) {
  return PyUnicode_FromString(as_native(self)->fortran ? "F" : "C");
}

PyObject* get_alignment(PyObject* self, void*) {
  return PyLong_FromSize_t(as_native(self)->memory.alignment);
}

PyObject* get_commit(PyObject* self, void*) {
  return PyUnicode_FromString(name_of(as_native(self)->memory.commit));
}

PyObject* get_shared(PyObject* self, void*) {
  return PyBool_FromLong(as_native(self)->memory.shared);
}

PyGetSetDef properties[] = {
    {"dtype", get_dtype, nullptr, "numpy.dtype: of the arrays that are made.", nullptr},
    {"_name", get_name, nullptr, "str or None: TensorFlow's name, if the dtype does not tell it.",
     nullptr},
    {"order", get_order, nullptr, "str: \"C\" or \"F\", the memory order of the arrays.", nullptr},
    {"alignment", get_alignment, nullptr,
     "int: the address of every array is a multiple of it (bytes).", nullptr},
    {"commit", get_commit, nullptr,
     "str: \"eager\", \"lazy\" or \"background\", when pages become resident.", nullptr},
    {"shared", get_shared, nullptr, "bool: whether other processes can have the arrays too.",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

constexpr const char* kCallDoc =
    R"(__call__($self, /, shape, dtype=None, partition_info=None, *, partition_shape=None, partition_offset=None)
--

Return a new array of zeros.

Parameters
----------
shape : int, sequence of ints or object with as_list()
    Shape of the array; every dimension must be known.
dtype : data-type, optional
    Read as in the constructor. Default: the initializer's.
partition_info : object, optional
    TensorFlow 1's; ignored.
partition_shape : as shape, optional
    TensorFlow 2's: the shape of the part that is wanted; replaces `shape`.
partition_offset : object, optional
    TensorFlow 2's; ignored.

Returns
-------
numpy.ndarray
    Writable zeros of that shape.

Raises
------
MemoryError
    When the memory cannot be had, or, if eager, does not fit in what the process may still use.
ValueError
    For a shape with an unknown dimension (None), and as :func:`numpy.zeros`.
TypeError
    For what is no dtype or has no zero, and as :func:`numpy.zeros`.

Examples
--------
>>> import zerofill
>>> zerofill.Zeros("int8")([2, 2])
array([[0, 0],
       [0, 0]], dtype=int8)
)";

PyMethodDef methods[] = {
    {"__call__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call_method)),
     METH_FASTCALL | METH_KEYWORDS | METH_COEXIST, kCallDoc},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(NativeZeros, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(construct)},
    {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {Py_tp_methods, methods},
    {Py_tp_doc, const_cast<char*>("What zerofill.Zeros is made of: its options and its call.")},
    {0, nullptr},
};

PyType_Spec specification{"zerofill._zerofill.NativeZeros", sizeof(NativeZeros), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_VECTORCALL |
                              Py_TPFLAGS_IMMUTABLETYPE,
                          slots};

PyTypeObject* native_type = nullptr;

/// A class statement makes a class whose call slot looks `__call__` up each time, and Python 3.11
/// and older also take its vectorcall away. This puts both back for a class that has the native
/// call, which then takes 67 ns instead of 130 ns.
PyObject* call_natively(PyObject*, PyObject* object) {
  auto* type = reinterpret_cast<PyTypeObject*>(object);
  if (!PyType_Check(object) || !PyType_IsSubtype(type, native_type)) {
    PyErr_Format(PyExc_TypeError, "expected a subclass of NativeZeros, got %R", object);
    return nullptr;
  }
  type->tp_call = PyVectorcall_Call;
  type->tp_vectorcall_offset = native_type->tp_vectorcall_offset;
  type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE;
  PyType_Modified(type);
  return Py_NewRef(object);
}

PyMethodDef call_natively_method{"call_natively", call_natively, METH_O,
                                 "call_natively(cls, /)\n--\n\nDecorate the class Zeros."};

}  // namespace

bool register_initializer(PyObject* module) {
  PyObject* type = PyType_FromSpec(&specification);
  if (type == nullptr) return false;
  native_type = reinterpret_cast<PyTypeObject*>(type);  // never dropped
  return PyModule_AddObjectRef(module, "NativeZeros", type) == 0 &&
         register_function(module, &call_natively_method);
}

}  // namespace zerofill::python
