// Contract: zerofill.reserve, and what it returns.
#pragma once

#include <pybind11/pybind11.h>

namespace zerofill::python {

void register_reserve(pybind11::module_& module);

}  // namespace zerofill::python
