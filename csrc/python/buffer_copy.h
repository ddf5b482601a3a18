// Copies and pickles of a Buffer: methods of its type.
#pragma once

#include <Python.h>

namespace zerofill::python {

/// A new Buffer with the same bytes and the same alignment. The second argument is ignored.
PyObject* copy_buffer(PyObject* self, PyObject*);

/// object.__reduce_ex__(protocol). The pickle holds only public names: Buffer, its arguments, and
/// its bytes, which __setstate__ takes.
PyObject* reduce_buffer(PyObject* self, PyObject* protocol);

/// Buffer.__setstate__(bytes). A ValueError when these are more or fewer than the Buffer's.
PyObject* set_buffer_state(PyObject* self, PyObject* state);

}  // namespace zerofill::python
