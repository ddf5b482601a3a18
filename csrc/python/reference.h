// An owned reference to a Python object, which is released at the end of its scope; and an
// exception that is put aside until the end of one.
#pragma once

#include <Python.h>

#include <utility>

namespace zerofill::python {

class Reference {
 public:
  Reference() = default;
  /// Takes over a new reference, which may be null.
  explicit Reference(PyObject* object) noexcept : object_(object) {}
  Reference(Reference&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Reference& operator=(Reference&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Reference() { Py_XDECREF(object_); }

  static Reference borrowed(PyObject* object) noexcept {
    Py_XINCREF(object);
    return Reference(object);
  }

  PyObject* get() const noexcept { return object_; }
  PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

/// Puts an exception that is on its way aside for its scope.
class ErrorAside {
 public:
  ErrorAside() noexcept { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~ErrorAside() { PyErr_Restore(type_, value_, traceback_); }
  ErrorAside(const ErrorAside&) = delete;
  ErrorAside& operator=(const ErrorAside&) = delete;

 private:
  PyObject *type_, *value_, *traceback_;
};

}  // namespace zerofill::python
