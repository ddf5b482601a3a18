// Contract: the context variable in which NumPy keeps its memory handler (NEP 49), and its default.
//
// The default is NumPy's own handler: a new thread starts with it, and so does all code that runs
// in an empty context. Python has no function that changes the default of a context variable.
#pragma once

#include <Python.h>

namespace zerofill::python {

/// Borrowed, and never destroyed. Null, with an error set, when there was no memory for the search.
PyObject* handler_variable() noexcept;

/// Whether the default can be changed: whether it is where CPython 3.7 to 3.15 keep it.
bool can_replace_default_handler() noexcept;

/// Changes the default, for all threads at once and for those that are still to start.
/// pre: it can be changed; `handler` is a handler's capsule.
void replace_default_handler(PyObject* handler) noexcept;

}  // namespace zerofill::python
