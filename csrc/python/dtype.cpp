#include "python/dtype.h"

#include <algorithm>
#include <atomic>

namespace zerofill::python {
namespace {

PyArray_Descr* as_descr(PyObject* object) { return reinterpret_cast<PyArray_Descr*>(object); }

/// Whether a registered dtype is ml_dtypes's, and not just called so. Its module is there if it is:
/// who has the dtype has imported it.
bool is_of_ml_dtypes(PyArray_Descr* descr, const Reference& name) {
  const Reference module_name(PyUnicode_FromString("ml_dtypes"));
  if (!module_name) return false;
  const Reference module(PyImport_GetModule(module_name.get()));
  if (!module) return false;
  const Reference type(PyObject_GetAttr(module.get(), name.get()));
  return type.get() == reinterpret_cast<PyObject*>(descr->typeobj);
}

ZeroForm look_up_registered(PyArray_Descr* descr) {
  const Reference name(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(descr->typeobj), "__name__"));
  const bool known = name && is_of_ml_dtypes(descr, name);
  PyErr_Clear();
  if (!known) return ZeroForm::by_numpy;
  // An exponent and nothing else: its all-zero byte is 2**-127.
  const bool exponent_only = PyUnicode_CompareWithASCIIString(name.get(), "float8_e8m0fnu") == 0;
  return exponent_only ? ZeroForm::none : ZeroForm::bytes;
}

/// Types that a library registered with NumPy. Their numbers are given out once a process, so the
/// answer is kept.
ZeroForm of_registered(PyArray_Descr* descr) {
  constexpr int kKept = 256;
  static std::atomic<signed char> kept[kKept];  // 0: not looked up yet; else the form, plus 1
  const int index = descr->type_num - NPY_USERDEF;
  if (index >= kKept) return look_up_registered(descr);
  const signed char known = kept[index].load(std::memory_order_relaxed);
  if (known != 0) return static_cast<ZeroForm>(known - 1);
  const ZeroForm form = look_up_registered(descr);
  kept[index].store(static_cast<signed char>(static_cast<int>(form) + 1),
                    std::memory_order_relaxed);
  return form;
}

/// Structured dtypes are as hard as their hardest field.
ZeroForm of_void(PyArray_Descr* descr) {
  if (PyDataType_HASSUBARRAY(descr)) return zero_form(PyDataType_SUBARRAY(descr)->base);
  PyObject* fields = PyDataType_FIELDS(descr);
  ZeroForm form = ZeroForm::bytes;
  PyObject* name;
  PyObject* field;  // (dtype, offset) or (dtype, offset, title)
  Py_ssize_t position = 0;
  while (fields != nullptr && fields != Py_None && PyDict_Next(fields, &position, &name, &field)) {
    form = std::max(form, zero_form(as_descr(PyTuple_GET_ITEM(field, 0))));
  }
  return form;
}

/// Objects that both readings take as NumPy does, and that NumPy reads without surprises (it takes
/// any unknown class for `object`).
bool is_read_by_numpy(PyObject* object, Reading reading) {
  if (PyArray_DescrCheck(object)) return true;
  if (reading == Reading::numpy && (PyUnicode_CheckExact(object) || object == Py_None)) return true;
  if (!PyType_Check(object)) return false;
  auto* type = reinterpret_cast<PyTypeObject*>(object);
  return PyType_IsSubtype(type, &PyGenericArrType_Type) || type == &PyLong_Type ||
         type == &PyBool_Type || type == &PyComplex_Type ||
         (type == &PyFloat_Type && reading == Reading::numpy);
}

/// The names and the foreign objects are known to zerofill.dtypes.
bool ask_python(PyObject* object, Reading reading, ElementType* type) {
  const Reference module(PyImport_ImportModule("zerofill.dtypes"));
  if (!module) return false;
  const char* name = reading == Reading::numpy ? "read_as_numpy" : "read_as_tensorflow";
  const Reference function(PyObject_GetAttrString(module.get(), name));
  if (!function) return false;
  const Reference read(PyObject_CallOneArg(function.get(), object));
  if (!read) return false;
  type->descr = Reference::borrowed(PyTuple_GetItem(read.get(), 0));
  PyObject* fill = PyTuple_GetItem(read.get(), 1);
  type->fill = Reference::borrowed(fill == Py_None ? nullptr : fill);
  return true;
}

}  // namespace

ZeroForm zero_form(PyArray_Descr* descr) {
  const int number = descr->type_num;
  if (number == NPY_VOID) return of_void(descr);
  if (PyTypeNum_ISUSERDEF(number)) return of_registered(descr);
  const bool built_in = number >= 0 && number < NPY_NTYPES_LEGACY && number != NPY_OBJECT;
  return built_in ? ZeroForm::bytes : ZeroForm::by_numpy;
}

bool read_dtype(PyObject* object, Reading reading, ElementType* type) {
  if (is_read_by_numpy(object, reading)) {
    PyArray_Descr* descr = nullptr;
    if (PyArray_DescrConverter(object, &descr)) {
      type->descr = Reference(reinterpret_cast<PyObject*>(descr));
      return true;
    }
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return false;
    PyErr_Clear();
  }
  return ask_python(object, reading, type);
}

void raise_no_zero(PyArray_Descr* descr) {
  PyErr_Format(PyExc_TypeError,
               "dtype %S has no zero: float8_e8m0fnu holds only powers of two, and its all-zero "
               "bytes are 2**-127",
               descr);
}

}  // namespace zerofill::python
