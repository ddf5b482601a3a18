#include "python/handler_variable.h"

#include <atomic>

#include "python/numpy.h"
#include "python/reference.h"

namespace zerofill::python {
namespace {

/// How a context variable begins: struct _pycontextvarobject in CPython's pycore_context.h.
struct ContextVar {
  PyObject object;
  PyObject* name;
  std::atomic<PyObject*> default_value;
};
static_assert(sizeof(std::atomic<PyObject*>) == sizeof(PyObject*));

std::atomic<PyObject*> found_variable{nullptr};

/// The variable that has a value in a context.
Reference find_variable(PyObject* context, PyObject* value) {
  const Reference variables(PySequence_List(context));
  if (!variables) return Reference();
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(variables.get()); ++i) {
    PyObject* variable = PyList_GET_ITEM(variables.get(), i);
    const Reference found(PyObject_GetItem(context, variable));
    if (found.get() == value) return Reference::borrowed(variable);
  }
  PyErr_SetString(PyExc_RuntimeError, "NumPy keeps its memory handler in no context variable");
  return Reference();
}

/// NumPy does not hand the variable out. It is what an empty context has once a handler is set.
Reference find_handler_variable() {
  const Reference context(PyContext_New());
  if (!context || PyContext_Enter(context.get()) != 0) return Reference();
  const Reference former(PyDataMem_SetHandler(PyDataMem_DefaultHandler));
  const bool is_exited = PyContext_Exit(context.get()) == 0;
  if (!former || !is_exited) return Reference();
  return find_variable(context.get(), PyDataMem_DefaultHandler);
}

std::atomic<PyObject*>* default_of(PyObject* variable) noexcept {
  return &reinterpret_cast<ContextVar*>(variable)->default_value;
}

}  // namespace

PyObject* handler_variable() noexcept {
  if (found_variable == nullptr) found_variable = find_handler_variable().release();
  return found_variable;
}

bool can_replace_default_handler() noexcept {
  static const bool can = [] {
    PyObject* variable = handler_variable();
    PyErr_Clear();
    return variable != nullptr && PyContextVar_CheckExact(variable) &&
           Py_TYPE(variable)->tp_basicsize >= static_cast<Py_ssize_t>(sizeof(ContextVar)) &&
           default_of(variable)->load() == PyDataMem_DefaultHandler;
  }();
  return can;
}

void replace_default_handler(PyObject* handler) noexcept {
  Py_INCREF(handler);
  // The former one keeps its reference: another thread may be about to take one from it.
  default_of(handler_variable())->store(handler);
}

}  // namespace zerofill::python
