// Contract: NumPy's memory handler (NEP 49) on top of alloc/aligned_malloc.h.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

#include "python/reference.h"

namespace zerofill::python {

/// Has NumPy allocate with at least that alignment, a power of two, for its scope and in the
/// current context. At the end the former handler comes back, unless code that ran meanwhile has
/// chosen another one.
class NumpyHandlerScope {
 public:
  /// When that cannot be done, failed() is true and an error is set.
  explicit NumpyHandlerScope(std::size_t alignment);
  /// An error that is set stays set.
  ~NumpyHandlerScope();
  NumpyHandlerScope(const NumpyHandlerScope&) = delete;
  NumpyHandlerScope& operator=(const NumpyHandlerScope&) = delete;

  bool failed() const noexcept { return !token_; }

 private:
  bool restore();

  PyObject* ours_;   ///< borrowed; it is never destroyed
  Reference token_;  ///< of the context variable
};

/// Adds the functions that switch the handler to the module.
void register_numpy_allocator(pybind11::module_& module);

}  // namespace zerofill::python
