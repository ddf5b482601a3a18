#include "python/array.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <exception>

#include "alloc/allocator.h"
#include "base/align.h"
#include "base/checked.h"
#include "base/errors.h"
#include "python/memory_error.h"
#include "python/numpy_allocator.h"

namespace zerofill::python {
namespace {

std::atomic<bool> own_memory_disabled{false};

// The final dtype and shape, as NumPy would make them --------------------------------------------

/// Appends the dimensions of a subarray dtype, in C order; false when they are too many.
bool append_subarray(const PyArray_ArrayDescr* subarray, Layout* layout) {
  const auto added = static_cast<int>(PyTuple_GET_SIZE(subarray->shape));
  Shape& shape = layout->shape;
  if (shape.dimensions + added > NPY_MAXDIMS) return false;
  npy_intp stride = PyDataType_ELSIZE(subarray->base);
  for (int i = added - 1; i >= 0; --i) {
    const npy_intp length = PyLong_AsSsize_t(PyTuple_GET_ITEM(subarray->shape, i));
    shape.lengths[shape.dimensions + i] = length;
    layout->strides[shape.dimensions + i] = stride;
    stride *= length;
  }
  shape.dimensions += added;
  return true;
}

bool widen_empty_string(ElementType* type) {
  const npy_intp bytes = final_element_bytes(type->get());
  if (bytes == PyDataType_ELSIZE(type->get())) return true;
  PyArray_Descr* wide = PyArray_DescrNew(type->get());
  if (wide == nullptr) return false;
  PyDataType_SET_ELSIZE(wide, bytes);
  type->descr = Reference(reinterpret_cast<PyObject*>(wide));
  return true;
}

/// The size in bytes; false where NumPy refuses it: a negative length, or too much, even if another
/// length is zero.
bool count_bytes(const Shape& shape, std::size_t element_bytes, std::size_t* nbytes) {
  bool empty = false;
  std::size_t product = element_bytes;
  for (int i = 0; i < shape.dimensions; ++i) {
    const npy_intp length = shape.lengths[i];
    if (length < 0) return false;
    if (length == 0) {
      empty = true;
    } else if (!checked_multiply(product, static_cast<std::size_t>(length), &product) ||
               product > static_cast<std::size_t>(NPY_MAX_INTP)) {
      return false;
    }
  }
  *nbytes = empty ? 0 : product;
  return true;
}

PyObject* numpy_zeros(const ArrayRequest& request) {
  const Layout& layout = request.layout;
  Py_INCREF(request.type.get());  // PyArray_Zeros takes it over
  return PyArray_Zeros(layout.shape.dimensions, layout.shape.lengths, request.type.get(),
                       layout.fortran);
}

/// Changes the request to the final dtype and shape and counts its bytes. False with an error set.
/// The error is NumPy's own, because NumPy is asked for the same array and refuses it.
bool resolve_descr(ArrayRequest* request, std::size_t* nbytes) {
  ElementType& type = request->type;
  while (PyDataType_HASSUBARRAY(type.get())) {
    const PyArray_ArrayDescr* subarray = PyDataType_SUBARRAY(type.get());
    if (!append_subarray(subarray, &request->layout)) {
      Reference refused(numpy_zeros(*request));
      return false;
    }
    type.descr = Reference::borrowed(reinterpret_cast<PyObject*>(subarray->base));
  }
  if (!widen_empty_string(&type)) return false;
  const auto element_bytes = static_cast<std::size_t>(PyDataType_ELSIZE(type.get()));
  if (count_bytes(request->layout.shape, element_bytes, nbytes)) return true;
  Reference refused(numpy_zeros(*request));
  return false;
}

// Memory -----------------------------------------------------------------------------------------

/// A caught OutOfMemory, which is raised in Python outside of the catch block: the dtype's name may
/// run Python there, where greenlets may switch, and the exceptions that are being handled are a
/// list of the thread's, which is not switched. Only a pointer, because tiny arrays pay for its
/// place on the stack.
using Refusal = std::exception_ptr;

OutOfMemory reason_of(const Refusal& refusal) {
  try {
    std::rethrow_exception(refusal);
  } catch (const OutOfMemory& error) {
    return error;
  }
}

void raise_out_of_memory(const ArrayRequest& request, std::size_t nbytes, const Refusal& refusal,
                         bool lazy_helps = true) {
  const Shape& shape = request.layout.shape;
  const Reference lengths(PyArray_IntTupleFromIntp(shape.dimensions, shape.lengths));
  if (!lengths) return;
  const Reference whom(PyUnicode_FromFormat("an array with shape %S and data type %S",
                                            lengths.get(), request.type.descr.get()));
  raise_memory_error(static_cast<double>(nbytes), whom, reason_of(refusal), lazy_helps);
}

/// Zeroed memory, and the object that owns it.
struct Memory {
  Reference owner;
  std::byte* data = nullptr;
};

Memory take_from_zerofill(std::size_t nbytes, const MemoryOptions& wanted) {
  BufferObject* buffer = new_buffer(nbytes, wanted);
  if (buffer == nullptr) return {};
  return {Reference(reinterpret_cast<PyObject*>(buffer)), buffer->data};
}

/// NumPy aligns to 16 bytes at most, so this takes more and starts at the first aligned address.
Memory take_from_numpy(std::size_t nbytes, const MemoryOptions& wanted) {
  const std::size_t padded = nbytes + wanted.alignment - 1;
  if (padded > static_cast<std::size_t>(NPY_MAX_INTP)) throw OutOfMemory(ENOMEM);
  npy_intp length = static_cast<npy_intp>(padded);
  Memory memory;
  memory.owner = Reference(PyArray_ZEROS(1, &length, NPY_UINT8, 0));
  if (!memory.owner) {
    if (!PyErr_ExceptionMatches(PyExc_MemoryError)) return memory;
    PyErr_Clear();  // its words are about bytes; the caller's are about the array
    throw OutOfMemory(ENOMEM);
  }
  auto* array = reinterpret_cast<PyArrayObject*>(memory.owner.get());
  memory.data = align_up(static_cast<std::byte*>(PyArray_DATA(array)), wanted.alignment);
  return memory;
}

/// Empty, with an error set, when there is no memory.
Memory take_memory(const ArrayRequest& request, std::size_t nbytes) {
  Refusal refusal;
  try {
    const bool by_numpy = is_own_memory_disabled() && !request.memory.shared;
    return by_numpy ? take_from_numpy(nbytes, request.memory)
                    : take_from_zerofill(nbytes, request.memory);
  } catch (const OutOfMemory&) {
    refusal = std::current_exception();
  } catch (const Interrupted&) {
    return {};  // a signal handler's exception is set
  }
  if (refusal) raise_out_of_memory(request, nbytes, refusal, !request.memory.shared);
  return {};
}

// Arrays -----------------------------------------------------------------------------------------

/// An array without bytes has strides of 0 in NumPy, but only where NumPy allocated its memory.
void zero_empty_strides(PyArrayObject* array, bool strided) {
  std::fill_n(PyArray_STRIDES(array), PyArray_NDIM(array), 0);
  if (strided) PyArray_UpdateFlags(array, NPY_ARRAY_UPDATE_ALL);
}

PyObject* make_of_bytes(ArrayRequest* request) {
  std::size_t nbytes = 0;
  if (!resolve_descr(request, &nbytes)) return nullptr;
  Memory memory = take_memory(*request, nbytes);
  if (!memory.owner) return nullptr;
  Layout& layout = request->layout;
  Py_INCREF(request->type.get());  // PyArray_NewFromDescr takes it over
  Reference array(PyArray_NewFromDescr(
      &PyArray_Type, request->type.get(), layout.shape.dimensions, layout.shape.lengths,
      layout.strided ? layout.strides : nullptr, memory.data,
      layout.fortran ? NPY_ARRAY_FARRAY : NPY_ARRAY_CARRAY, nullptr));
  if (!array) return nullptr;
  auto* as_array = reinterpret_cast<PyArrayObject*>(array.get());
  if (nbytes == 0) zero_empty_strides(as_array, layout.strided);
  if (PyArray_SetBaseObject(as_array, memory.owner.release()) != 0) return nullptr;
  return array.release();
}

/// The array's base, instead of the array.
void replace_base(PyObject* instance, PyObject* array) {
  PyObject*& base = reinterpret_cast<PyArrayObject_fields*>(instance)->base;
  if (base != array) return;
  base = Py_NewRef(PyArray_BASE(reinterpret_cast<PyArrayObject*>(array)));
  Py_DECREF(array);
}

/// For an array that NumPy initialises: it writes to all of it, even if it is lazy.
blocks::Reservation reserve_if_large(std::size_t nbytes) {
  const bool is_large = nbytes > alloc::small_bytes(alloc::Commit::eager, alloc::Touch::dense);
  return is_large ? alloc::reserve_budget(nbytes) : blocks::Reservation();
}

/// Null with an error set when that fails.
Reference make_and_fill(const ArrayRequest& request, NumpyMaker make, void* context) {
  Reference array;
  if (is_own_memory_disabled()) {
    array = Reference(make(request, context));
  } else {
    const NumpyHandlerScope scope(request.memory.alignment);
    if (scope.failed()) return Reference();
    array = Reference(make(request, context));
  }
  PyObject* fill = request.type.fill.get();
  auto* as_array = reinterpret_cast<PyArrayObject*>(array.get());
  if (array && fill != nullptr && PyArray_FillWithScalar(as_array, fill) != 0) return Reference();
  return array;
}

}  // namespace

PyObject* with_our_handler(ArrayRequest* request, NumpyMaker make, void* context) {
  const std::size_t alignment = request->memory.alignment;
  if (is_own_memory_disabled() && alignment > kDefaultAlignment) {
    PyErr_Format(PyExc_ValueError,
                 "under ZEROFILL_DISABLE arrays of dtype %S live in NumPy's memory, which cannot "
                 "be aligned to %zu bytes; leave alignment at its default",
                 request->type.descr.get(), alignment);
    return nullptr;
  }
  std::size_t nbytes = 0;
  if (!resolve_descr(request, &nbytes)) return nullptr;
  Refusal refusal;
  try {
    const blocks::Reservation reservation = reserve_if_large(nbytes);
    return make_and_fill(*request, make, context).release();
  } catch (const OutOfMemory&) {
    refusal = std::current_exception();
  }
  if (refusal) raise_out_of_memory(*request, nbytes, refusal, /*lazy_helps=*/false);
  return nullptr;
}

npy_intp final_element_bytes(PyArray_Descr* descr) {
  const npy_intp bytes = PyDataType_ELSIZE(descr);
  if (bytes != 0 || !PyDataType_ISSTRING(descr)) return bytes;
  return descr->type_num == NPY_UNICODE ? 4 : 1;
}

PyObject* refuse_to_share(PyArray_Descr* descr) {
  return PyErr_Format(PyExc_TypeError,
                      "an array of dtype %S cannot be shared, because its elements are not in its "
                      "memory; use shared=False",
                      descr);
}

PyObject* new_zeros(ArrayRequest* request) {
  switch (zero_form(request->type.get())) {
    case ZeroForm::bytes:
      return make_of_bytes(request);
    case ZeroForm::by_numpy:
      if (request->memory.shared) return refuse_to_share(request->type.get());
      return with_our_handler(
          request, [](const ArrayRequest& resolved, void*) { return numpy_zeros(resolved); },
          nullptr);
    case ZeroForm::none:
      raise_no_zero(request->type.get());
      break;
    case ZeroForm::failed:
      break;
  }
  return nullptr;
}

// ndarray.__array_wrap__ is the only way to NumPy's own order of things: the instance's memory has
// an owner, which is `array`, before its __array_finalize__ runs, which may keep the instance and
// raise.
PyObject* as_instance_like(PyObject* array, PyObject* prototype) {
  const Reference wrap(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyArray_Type), "__array_wrap__"));
  if (!wrap) return nullptr;
  Reference instance(PyObject_CallFunctionObjArgs(wrap.get(), prototype, array, nullptr));
  if (instance) replace_base(instance.get(), array);
  return instance.release();
}

void disable_own_memory() noexcept { own_memory_disabled.store(true); }

bool is_own_memory_disabled() noexcept {
  return own_memory_disabled.load(std::memory_order_relaxed);
}

}  // namespace zerofill::python
