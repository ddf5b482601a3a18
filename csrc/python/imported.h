// Modules of Python's by their name. Those that are imported already are found without the import
// machinery, which up to Python 3.11 can answer a lack of memory with a SystemError.
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
