#include "python/dtype.h"

#include <algorithm>
#include <atomic>
#include <new>
#include <vector>

#include "python/imported.h"

namespace zerofill::python {
namespace {

PyArray_Descr* as_descr(PyObject* object) { return reinterpret_cast<PyArray_Descr*>(object); }

/// Whether a registered dtype is really ml_dtypes's, and does not only have the name of one.
ZeroForm look_up_registered(PyArray_Descr* descr, const Reference& ml_dtypes) {
  auto* type = reinterpret_cast<PyObject*>(descr->typeobj);
  const Reference name(PyObject_GetAttrString(type, "__name__"));
  if (!name) return ZeroForm::failed;
  const Reference known(PyObject_GetAttr(ml_dtypes.get(), name.get()));
  if (!known && !PyErr_ExceptionMatches(PyExc_AttributeError)) return ZeroForm::failed;
  PyErr_Clear();
  if (known.get() != type) return ZeroForm::by_numpy;
  // It is an exponent and nothing else, so its all-zero byte is 2**-127.
  const bool exponent_only = PyUnicode_CompareWithASCIIString(name.get(), "float8_e8m0fnu") == 0;
  return exponent_only ? ZeroForm::none : ZeroForm::bytes;
}

/// For types that a library registered with NumPy. NumPy gives each number out once in a process,
/// so answers are cached.
ZeroForm of_registered(PyArray_Descr* descr) {
  constexpr int kCached = 256;
  static std::atomic<signed char> cached[kCached];  // 0: not looked up yet; else the form, plus 1
  const int index = descr->type_num - NPY_USERDEF;
  const signed char known = index < kCached ? cached[index].load(std::memory_order_relaxed) : 0;
  if (known != 0) return static_cast<ZeroForm>(known - 1);
  // Without ml_dtypes imported, no dtype can be one of its.
  const Reference ml_dtypes = imported_module("ml_dtypes");
  if (!ml_dtypes) return PyErr_Occurred() ? ZeroForm::failed : ZeroForm::by_numpy;
  const ZeroForm form = look_up_registered(descr, ml_dtypes);
  if (index < kCached && form != ZeroForm::failed) {
    const int answer = static_cast<int>(form) + 1;
    cached[index].store(static_cast<signed char>(answer), std::memory_order_relaxed);
  }
  return form;
}

/// Calls action(dtype, offset) for each field of a structured dtype.
template <typename Action>
void for_each_field(PyArray_Descr* descr, Action action) {
  // Held, because another thread that sets the dtype's names replaces the dict.
  const Reference held = Reference::borrowed(PyDataType_FIELDS(descr));
  PyObject* fields = held.get();
  PyObject* name;
  PyObject* field;  // (dtype, offset) or (dtype, offset, title)
  Py_ssize_t position = 0;
  while (fields != nullptr && fields != Py_None && PyDict_Next(fields, &position, &name, &field)) {
    action(as_descr(PyTuple_GET_ITEM(field, 0)), PyLong_AsSize_t(PyTuple_GET_ITEM(field, 1)));
  }
}

/// A structured dtype is zero by bytes only if each of its fields is, and has no zero if one has
/// none.
ZeroForm of_void(PyArray_Descr* descr) {
  if (PyDataType_HASSUBARRAY(descr)) return zero_form(PyDataType_SUBARRAY(descr)->base);
  ZeroForm form = ZeroForm::bytes;
  for_each_field(descr, [&form](PyArray_Descr* field, std::size_t) {
    form = std::max(form, zero_form(field));
  });
  return form;
}

/// Bytes of an element, from `start` up to `end`.
struct Interval {
  std::size_t start;
  std::size_t end;
};

/// Adds the bytes of a dtype at `start` that hold values, not padding. A subarray is one interval,
/// or none where its elements have padding, however many there are.
void add_value_bytes(PyArray_Descr* descr, std::size_t start, std::vector<Interval>* intervals) {
  const auto bytes = static_cast<std::size_t>(PyDataType_ELSIZE(descr));
  if (PyDataType_HASFIELDS(descr)) {
    for_each_field(descr, [&](PyArray_Descr* field, std::size_t offset) {
      add_value_bytes(field, start + offset, intervals);
    });
  } else if (!PyDataType_HASSUBARRAY(descr) || has_only_fields(PyDataType_SUBARRAY(descr)->base)) {
    intervals->push_back({start, start + bytes});
  }
}

/// Whether the intervals leave nothing out of an element of that size.
bool cover_all(std::vector<Interval>* intervals, std::size_t bytes) {
  std::sort(intervals->begin(), intervals->end(),
            [](const Interval& a, const Interval& b) { return a.start < b.start; });
  std::size_t covered = 0;
  for (const Interval& interval : *intervals) {
    if (interval.start > covered) return false;
    covered = std::max(covered, interval.end);
  }
  return covered >= bytes;
}

/// Objects that both rules read as NumPy does, and that NumPy reads without surprises: it takes any
/// unknown class for `object`.
bool is_read_by_numpy(PyObject* object, DTypeRules rules) {
  if (PyArray_DescrCheck(object)) return true;
  if (rules == DTypeRules::numpy && (PyUnicode_CheckExact(object) || object == Py_None))
    return true;
  if (!PyType_Check(object)) return false;
  auto* type = reinterpret_cast<PyTypeObject*>(object);
  return PyType_IsSubtype(type, &PyGenericArrType_Type) || type == &PyLong_Type ||
         type == &PyBool_Type || type == &PyComplex_Type ||
         (type == &PyFloat_Type && rules == DTypeRules::numpy);
}

/// zerofill.dtypes knows the names and the objects of other libraries.
bool resolve_in_python(PyObject* object, DTypeRules rules, ElementType* type) {
  const Reference module = module_named("zerofill.dtypes");
  if (!module) return false;
  const char* name = rules == DTypeRules::numpy ? "read_as_numpy" : "read_as_tensorflow";
  const Reference function(PyObject_GetAttrString(module.get(), name));
  if (!function) return false;
  const Reference read(PyObject_CallOneArg(function.get(), object));
  if (!read) return false;
  PyObject* descr = PyTuple_GetItem(read.get(), 0);
  type->descr = of_arrays(as_descr(Py_NewRef(descr)));
  PyObject* fill = PyTuple_GetItem(read.get(), 1);
  type->fill = Reference::borrowed(fill == Py_None ? nullptr : fill);
  return static_cast<bool>(type->descr);
}

}  // namespace

ZeroForm zero_form(PyArray_Descr* descr) {
  const int number = descr->type_num;
  if (number == NPY_VOID) return of_void(descr);
  if (PyTypeNum_ISUSERDEF(number)) return of_registered(descr);
  const bool built_in = number >= 0 && number < NPY_NTYPES_LEGACY && number != NPY_OBJECT;
  return built_in ? ZeroForm::bytes : ZeroForm::by_numpy;
}

bool has_only_fields(PyArray_Descr* descr) {
  while (PyDataType_HASSUBARRAY(descr)) descr = PyDataType_SUBARRAY(descr)->base;
  if (!PyDataType_HASFIELDS(descr)) return true;
  try {
    std::vector<Interval> intervals;
    add_value_bytes(descr, 0, &intervals);
    return cover_all(&intervals, static_cast<std::size_t>(PyDataType_ELSIZE(descr)));
  } catch (const std::bad_alloc&) {
    return false;
  }
}

ElementType default_dtype() {
  ElementType type;
  type.descr = Reference(reinterpret_cast<PyObject*>(PyArray_DescrFromType(NPY_DOUBLE)));
  return type;
}

bool read_dtype(PyObject* object, DTypeRules rules, ElementType* type) {
  if (is_read_by_numpy(object, rules)) {
    PyArray_Descr* descr = nullptr;
    if (PyArray_DescrConverter(object, &descr)) {
      type->descr = of_arrays(descr);
      return static_cast<bool>(type->descr);
    }
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return false;
    PyErr_Clear();
  }
  return resolve_in_python(object, rules, type);
}

Reference of_arrays(PyArray_Descr* descr) {
  Reference given(reinterpret_cast<PyObject*>(descr));
  if (descr->type_num != NPY_VOID || PyDataType_ELSIZE(descr) != 0) return given;
  if (!PyDataType_HASSUBARRAY(descr)) return given;
  return Reference(reinterpret_cast<PyObject*>(PyArray_DescrNewFromType(NPY_VOID)));
}

void raise_no_zero(PyArray_Descr* descr) {
  PyErr_Format(PyExc_TypeError,
               "dtype %S has no zero: float8_e8m0fnu holds only powers of two, and its all-zero "
               "bytes are 2**-127",
               descr);
}

}  // namespace zerofill::python
