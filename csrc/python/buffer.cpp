#include "python/buffer.h"

#include <cerrno>
#include <new>
#include <utility>

#include "base/align.h"
#include "base/errors.h"
#include "kernel/zero.h"
#include "python/arguments.h"
#include "python/gil.h"
#include "python/live_arrays.h"
#include "python/memory_error.h"
#include "python/object_memory.h"
#include "python/tracemalloc.h"

namespace zerofill::python {

namespace {

constexpr std::size_t kMaxAlignment = std::size_t{1} << 30;
/// The alignment that malloc(3) and PyObject_Malloc give in any case.
constexpr std::size_t kMallocAlignment = 16;

struct PagedBufferObject : BufferObject {
  alloc::Allocation allocation;
};

PagedBufferObject* as_paged(BufferObject* buffer) noexcept {
  return static_cast<PagedBufferObject*>(buffer);
}

PyTypeObject* buffer_type = nullptr;

/// Makes the header of a Buffer in raw memory.
BufferObject* initialise(void* raw, std::size_t nbytes, std::size_t alignment) noexcept {
  auto* buffer = static_cast<BufferObject*>(raw);
  PyObject_Init(reinterpret_cast<PyObject*>(buffer), buffer_type);
  buffer->nbytes = nbytes;
  buffer->alignment = alignment;
  return buffer;
}

/// Header and payload in one allocation.
BufferObject* new_small(std::size_t nbytes, std::size_t alignment) {
  const std::size_t slack = alignment > kMallocAlignment ? alignment - kMallocAlignment : 0;
  constexpr std::size_t header = align_up(sizeof(BufferObject), kMallocAlignment);
  void* raw = allocate_object(header + slack + nbytes);
  if (raw == nullptr) throw OutOfMemory(ENOMEM);
  BufferObject* buffer = initialise(raw, nbytes, alignment);
  buffer->in_pages = false;
  buffer->data = align_up(static_cast<std::byte*>(raw) + header, alignment);
  kernel::zero_cached(buffer->data, nbytes);
  return buffer;
}

BufferObject* new_paged(std::size_t nbytes, const MemoryOptions& wanted) {
  alloc::Allocation allocation = without_gil([&](const team::Poll& poll) {
    return alloc::acquire({nbytes, wanted.alignment, wanted.commit}, poll);
  });
  void* raw = allocate_object(sizeof(PagedBufferObject));
  if (raw == nullptr) throw OutOfMemory(ENOMEM);
  BufferObject* buffer = initialise(raw, nbytes, wanted.alignment);
  buffer->in_pages = true;
  buffer->data = allocation.data();
  new (&as_paged(buffer)->allocation) alloc::Allocation(std::move(allocation));
  return buffer;
}

void deallocate(PyObject* self) {
  auto* buffer = reinterpret_cast<BufferObject*>(self);
  zerofill_untrace_memory(buffer->data);
  live_arrays.lose(buffer->nbytes);
  if (buffer->in_pages) as_paged(buffer)->allocation.~Allocation();
  PyTypeObject* type = Py_TYPE(self);
  free_object(buffer);
  Py_DECREF(type);
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  auto* buffer = reinterpret_cast<BufferObject*>(self);
  return PyBuffer_FillInfo(view, self, buffer->data, static_cast<Py_ssize_t>(buffer->nbytes), 0,
                           flags);
}

constexpr Parameters<3> kParameters{"Buffer", {"nbytes", "alignment", "commit"}, 1, 1};

PyObject* construct(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  PyObject* values[3];
  if (!kParameters.read_tuple(args, kwargs, values)) return nullptr;
  MemoryOptions wanted;
  const Py_ssize_t nbytes = PyNumber_AsSsize_t(values[0], PyExc_OverflowError);
  if (nbytes == -1 && PyErr_Occurred()) return nullptr;
  if (nbytes < 0) {
    PyErr_Format(PyExc_ValueError, "nbytes must not be negative, got %zd", nbytes);
    return nullptr;
  }
  if (values[1] != nullptr && !read_alignment(values[1], &wanted.alignment)) return nullptr;
  if (values[2] != nullptr && !read_commit(values[2], &wanted.commit)) return nullptr;
  try {
    return reinterpret_cast<PyObject*>(new_buffer(static_cast<std::size_t>(nbytes), wanted));
  } catch (const OutOfMemory& error) {
    raise_memory_error(static_cast<double>(nbytes), Reference(PyUnicode_FromString("a Buffer")),
                       error);
  } catch (const Interrupted&) {
    return nullptr;  // a signal handler's exception is set
  }
  return nullptr;
}

PyObject* repr(PyObject* self) {
  auto* buffer = reinterpret_cast<BufferObject*>(self);
  return PyUnicode_FromFormat("<zerofill.Buffer of %zu bytes at %p>", buffer->nbytes, buffer->data);
}

PyObject* get_nbytes(PyObject* self, void*) {
  return PyLong_FromSize_t(reinterpret_cast<BufferObject*>(self)->nbytes);
}

PyObject* get_address(PyObject* self, void*) {
  return PyLong_FromVoidPtr(reinterpret_cast<BufferObject*>(self)->data);
}

PyObject* get_alignment(PyObject* self, void*) {
  return PyLong_FromSize_t(reinterpret_cast<BufferObject*>(self)->alignment);
}

PyObject* get_huge_pages(PyObject* self, void*) {
  auto* buffer = reinterpret_cast<BufferObject*>(self);
  return PyBool_FromLong(buffer->in_pages && as_paged(buffer)->allocation.block().huge_pages);
}

PyGetSetDef properties[] = {
    {"nbytes", get_nbytes, nullptr, "int: size of the memory in bytes.", nullptr},
    {"address", get_address, nullptr, "int: address of the first byte.", nullptr},
    {"alignment", get_alignment, nullptr,
     "int: the alignment in bytes that was asked for; `address` is a multiple of it.", nullptr},
    {"huge_pages", get_huge_pages, nullptr,
     "bool: whether the memory was advised to be on huge pages (madvise(2), MADV_HUGEPAGE), on a\n"
     "system that grants them.",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

constexpr const char* kDoc = R"(Buffer(nbytes, *, alignment=64, commit="eager")
--

Zeroed memory with the writable buffer protocol.

It is the ``base`` of the arrays that zerofill makes, and frees the memory when the last view of
it is gone.

Parameters
----------
nbytes : int
    Size in bytes; 0 is fine.
alignment : int, optional
    The address is a multiple of this power of two, from 1 to 2**30 bytes. Default 64.
commit : {"eager", "lazy"}, optional
    "eager" (default): every page is resident on return. "lazy": pages become resident when they
    are first touched.

Raises
------
MemoryError
    When the memory cannot be had, or, if eager, does not fit in what the process may still use.
ValueError
    For a negative size, an alignment that is not a power of two, or an unknown commit.

Examples
--------
>>> import zerofill
>>> buffer = zerofill.Buffer(4096, alignment=4096)
>>> buffer.nbytes, buffer.address % 4096
(4096, 0)
>>> memoryview(buffer)[0]
0
)";

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(construct)},
    {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
    {Py_tp_repr, reinterpret_cast<void*>(repr)},
    {Py_tp_getset, properties},
    {Py_tp_doc, const_cast<char*>(kDoc)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
    {0, nullptr},
};

PyType_Spec specification{"zerofill.Buffer", sizeof(BufferObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};

}  // namespace

BufferObject* new_buffer(std::size_t nbytes, const MemoryOptions& wanted) {
  const bool small = alloc::is_small({nbytes, wanted.alignment, wanted.commit});
  BufferObject* buffer =
      small ? new_small(nbytes, wanted.alignment) : new_paged(nbytes != 0 ? nbytes : 1, wanted);
  buffer->nbytes = nbytes;
  live_arrays.gain(nbytes);
  zerofill_trace_memory(buffer->data, nbytes);
  return buffer;
}

bool read_alignment(PyObject* object, std::size_t* alignment) {
  const Reference index(PyNumber_Index(object));
  if (!index) return false;
  int overflow = 0;
  const long value = PyLong_AsLongAndOverflow(index.get(), &overflow);
  if (value == -1 && PyErr_Occurred()) return false;
  if (overflow != 0 || value < 1 || static_cast<std::size_t>(value) > kMaxAlignment ||
      !is_power_of_two(static_cast<std::size_t>(value))) {
    PyErr_Format(PyExc_ValueError, "alignment must be a power of two from 1 to 2**30, got %R",
                 object);
    return false;
  }
  *alignment = static_cast<std::size_t>(value);
  return true;
}

bool read_commit(PyObject* object, alloc::Commit* commit) {
  if (PyUnicode_Check(object)) {
    if (PyUnicode_CompareWithASCIIString(object, "eager") == 0) {
      *commit = alloc::Commit::eager;
      return true;
    }
    if (PyUnicode_CompareWithASCIIString(object, "lazy") == 0) {
      *commit = alloc::Commit::lazy;
      return true;
    }
  }
  PyErr_Format(PyExc_ValueError, "commit must be \"eager\" or \"lazy\", got %R", object);
  return false;
}

bool register_buffer(PyObject* module) {
  PyObject* type = PyType_FromSpec(&specification);
  if (type == nullptr) return false;
  buffer_type =
      reinterpret_cast<PyTypeObject*>(type);  // never dropped, because its instances own memory
  return PyModule_AddObjectRef(module, "Buffer", type) == 0;
}

}  // namespace zerofill::python
