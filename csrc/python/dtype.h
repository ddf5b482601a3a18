// Contract: reading the dtype argument, and what zeros of a dtype are.
#pragma once

#include "python/numpy.h"
#include "python/reference.h"

namespace zerofill::python {

/// What makes an element of a dtype zero.
enum class ZeroForm {
  bytes,     ///< all its bytes are zero
  by_numpy,  ///< only NumPy knows: it holds references, or is a user's own
  none,      ///< it has no zero
  failed,    ///< no telling: an error is set
};

ZeroForm zero_form(PyArray_Descr* descr);

/// Whether every byte of an element belongs to a field, so that nothing else is lost when they are
/// all set to zero; false also where that cannot be found out. A view of some fields of a
/// structured array leaves the others' bytes out.
bool has_only_fields(PyArray_Descr* descr);

/// A dtype that was asked for.
struct ElementType {
  Reference descr;  ///< a PyArray_Descr
  Reference fill;   ///< what to fill an object array with instead of the int 0; else null

  PyArray_Descr* get() const noexcept { return reinterpret_cast<PyArray_Descr*>(descr.get()); }
};

/// NumPy's: float64.
ElementType default_dtype();

/// Whose names and types are meant.
enum class DTypeRules { numpy, tensorflow };

/// False with a TypeError set when there is no such dtype.
bool read_dtype(PyObject* object, DTypeRules rules, ElementType* type);

/// Sets the TypeError for a dtype that has no zero.
void raise_no_zero(PyArray_Descr* descr);

}  // namespace zerofill::python
