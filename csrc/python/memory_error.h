// Contract: MemoryError, with NumPy's words first and the reason behind them.
#pragma once

#include <Python.h>

#include "base/errors.h"
#include "python/reference.h"

namespace zerofill::python {

/// Sets "Unable to allocate 8.00 TiB for {whom}", and behind it the reason and, where `lazy_helps`
/// and is possible, that commit="lazy" exists. `nbytes` is a double because it may exceed any
/// integer.
void raise_memory_error(double nbytes, const Reference& whom, const OutOfMemory& error,
                        bool lazy_helps = true);

}  // namespace zerofill::python
