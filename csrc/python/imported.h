// Python modules by name. A module that is imported already is found without the import machinery,
// because that can raise SystemError for a lack of memory up to Python 3.11.
#pragma once

#include "python/reference.h"

namespace zerofill::python {

/// Null, without an error, when it is not imported.
inline Reference imported_module(const char* name) {
  const Reference key(PyUnicode_FromString(name));
  return Reference(key ? PyImport_GetModule(key.get()) : nullptr);
}

/// Imports it when it is not imported; null with an error set when that fails.
inline Reference module_named(const char* name) {
  Reference module = imported_module(name);
  if (!module && !PyErr_Occurred()) module = Reference(PyImport_ImportModule(name));
  return module;
}

}  // namespace zerofill::python
