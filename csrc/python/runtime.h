// Contract: counters, options and facts of the system, for zerofill.runtime and zerofill.cli.
#pragma once

#include <pybind11/pybind11.h>

namespace zerofill::python {

void register_runtime(pybind11::module_& module);

}  // namespace zerofill::python
