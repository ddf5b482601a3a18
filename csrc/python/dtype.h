// Contract: reading the dtype argument, and what zeros of a dtype are.
#pragma once

#include "python/numpy.h"
#include "python/reference.h"

namespace zerofill::python {

/// What makes an element of a dtype zero.
enum class ZeroForm {
  bytes,     ///< all its bytes are zero
  by_numpy,  ///< only NumPy can make it: it holds references, or the dtype is a user's own
  none,      ///< it has no zero
  failed,    ///< it could not be found out, and an error is set
};

ZeroForm zero_form(PyArray_Descr* descr);

/// Whether every byte of an element belongs to a field, so that all of them may be set to zero. It
/// is not so for a view of some fields of a structured array. False also where that cannot be found
/// out.
bool has_only_fields(PyArray_Descr* descr);

/// A dtype that was asked for.
struct ElementType {
  Reference descr;  ///< a PyArray_Descr
  Reference fill;   ///< what to fill an object array with instead of the int 0; else null

  PyArray_Descr* get() const noexcept { return reinterpret_cast<PyArray_Descr*>(descr.get()); }
};

/// NumPy's default, float64.
ElementType default_dtype();

/// Whose rules say what a name or a type means.
enum class DTypeRules { numpy, tensorflow };

/// False with a TypeError set when there is no such dtype.
bool read_dtype(PyObject* object, DTypeRules rules, ElementType* type);

/// The dtype that np.zeros gives an array of a dtype: the same, but an empty void in the place of a
/// subarray dtype without bytes, such as ("f4", (3, 0)), so that the array has no dimensions for
/// the subarray. Takes the reference over. read_dtype() has done it already. Null with an error set
/// when there is no memory.
Reference of_arrays(PyArray_Descr* descr);

/// Sets the TypeError for a dtype that has no zero.
void raise_no_zero(PyArray_Descr* descr);

}  // namespace zerofill::python
