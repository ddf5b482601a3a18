#include "python/torch.h"

#include "python/imported.h"

namespace zerofill::python {
namespace {

/// The truth of a method's result: 1 or 0, or -1 with an error set.
int ask(PyObject* tensor, const char* method) {
  const Reference answer(PyObject_CallMethod(tensor, method, nullptr));
  return answer ? PyObject_IsTrue(answer.get()) : -1;
}

}  // namespace

int is_torch_tensor(PyObject* object) {
  const Reference torch = imported_module("torch");
  if (!torch) return PyErr_Occurred() ? -1 : 0;
  const Reference type(PyObject_GetAttrString(torch.get(), "Tensor"));
  if (!type) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
    PyErr_Clear();  // some other module of that name
    return 0;
  }
  return PyType_Check(type.get()) &&
         PyObject_TypeCheck(object, reinterpret_cast<PyTypeObject*>(type.get()));
}

Reference without_conjugation(PyObject* tensor) {
  const int is_conjugate = ask(tensor, "is_conj");
  if (is_conjugate < 0) return Reference();
  if (is_conjugate == 0) return Reference::borrowed(tensor);
  return Reference(PyObject_CallMethod(tensor, "conj", nullptr));
}

int is_read_with_other_signs(PyObject* tensor) {
  const int is_conjugate = ask(tensor, "is_conj");
  return is_conjugate != 0 ? is_conjugate : ask(tensor, "is_neg");
}

bool zero_by_torch(PyObject* tensor) {
  return static_cast<bool>(Reference(PyObject_CallMethod(tensor, "zero_", nullptr)));
}

// torch has a function for this, torch.autograd.graph.increment_version. An in-place operation on
// no element counts the write too, and torch first asks all that it asks before one: an inference
// tensor, for example, must not change outside of inference mode.
bool announce_write(PyObject* tensor) {
  const Reference none(PyObject_CallMethod(tensor, "as_strided", "((i)(i))", 0, 1));
  return none && zero_by_torch(none.get());
}

}  // namespace zerofill::python
