#include "python/buffer.h"

#include <structmember.h>

#include <cerrno>
#include <cstddef>
#include <new>
#include <utility>

#include "base/align.h"
#include "base/errors.h"
#include "kernel/zero.h"
#include "python/arguments.h"
#include "python/buffer_copy.h"
#include "python/call_sites.h"
#include "python/gil.h"
#include "python/live_arrays.h"
#include "python/memory_error.h"
#include "python/object_memory.h"
#include "python/shared.h"
#include "python/tracemalloc.h"

namespace zerofill::python {
namespace {

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
  buffer->weak_references = nullptr;
  buffer->alignment = static_cast<std::uint32_t>(alignment);
  buffer->read_only = false;
  return buffer;
}

constexpr std::size_t kSmallHeader = align_up(sizeof(BufferObject), kObjectAlignment);

/// How much a small Buffer takes: header, payload, and what aligning the payload may skip.
constexpr std::size_t small_object_bytes(std::size_t nbytes, std::size_t alignment) noexcept {
  const std::size_t slack = alignment > kObjectAlignment ? alignment - kObjectAlignment : 0;
  return kSmallHeader + slack + nbytes;
}

/// Header and payload in one allocation.
BufferObject* new_small(std::size_t nbytes, std::size_t alignment) {
  void* raw = allocate_object(small_object_bytes(nbytes, alignment));
  if (raw == nullptr) throw OutOfMemory(ENOMEM);
  BufferObject* buffer = initialise(raw, nbytes, alignment);
  buffer->in_pages = false;
  buffer->data = align_up(static_cast<std::byte*>(raw) + kSmallHeader, alignment);
  kernel::zero_cached(buffer->data, nbytes);
  return buffer;
}

alloc::Request request_for(std::size_t nbytes, const MemoryOptions& wanted) noexcept {
  alloc::Request request{nbytes, wanted.alignment, wanted.commit};
  request.shared = wanted.shared;
  request.where = wanted.where;
  return request;
}

BufferObject* hold(alloc::Allocation allocation, std::size_t nbytes, std::size_t alignment) {
  void* raw = allocate_object(sizeof(PagedBufferObject));
  if (raw == nullptr) throw OutOfMemory(ENOMEM);
  BufferObject* buffer = initialise(raw, nbytes, alignment);
  buffer->in_pages = true;
  buffer->data = allocation.data();
  new (&as_paged(buffer)->allocation) alloc::Allocation(std::move(allocation));
  return buffer;
}

BufferObject* new_paged(std::size_t nbytes, const MemoryOptions& wanted) {
  alloc::Allocation allocation = without_gil(
      [&](const team::Poll& poll) { return alloc::acquire(request_for(nbytes, wanted), poll); });
  return hold(std::move(allocation), nbytes, wanted.alignment);
}

/// Counts it among what is live.
BufferObject* begin_life(BufferObject* buffer, std::size_t nbytes) noexcept {
  buffer->nbytes = nbytes;
  live_arrays.gain(nbytes);
  zerofill_trace_memory(buffer->data, nbytes);
  return buffer;
}

void deallocate(PyObject* self) {
  auto* buffer = reinterpret_cast<BufferObject*>(self);
  if (buffer->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  zerofill_untrace_memory(buffer->data);
  live_arrays.lose(buffer->nbytes);
  PyTypeObject* type = Py_TYPE(self);
  recorded_free(buffer->nbytes, [&] {
    if (buffer->in_pages) as_paged(buffer)->allocation.~Allocation();
    free_object(buffer);
  });
  Py_DECREF(type);
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  auto* buffer = reinterpret_cast<BufferObject*>(self);
  return PyBuffer_FillInfo(view, self, buffer->data, static_cast<Py_ssize_t>(buffer->nbytes),
                           buffer->read_only, flags);
}

constexpr Parameters<5> kParameters{
    "Buffer", {"nbytes", "alignment", "commit", "shared", "placement"}, 1, 1};

PyObject* construct(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  PyObject* values[5];
  if (!kParameters.read_tuple(args, kwargs, values)) return nullptr;
  const auto [size, alignment, commit, shared, placement] = values;
  MemoryOptions wanted;
  std::size_t nbytes = 0;
  if (!read_nbytes(size, &nbytes)) return nullptr;
  if (!read_memory_options({alignment, commit, shared, placement}, &wanted)) return nullptr;
  return reinterpret_cast<PyObject*>(try_new_buffer(nbytes, wanted));
}

PyObject* repr(PyObject* self) {
  auto* buffer = reinterpret_cast<BufferObject*>(self);
  return PyUnicode_FromFormat("<zerofill.Buffer of %zu bytes at %p>", buffer->nbytes, buffer->data);
}

Py_ssize_t length(PyObject* self) {
  return static_cast<Py_ssize_t>(reinterpret_cast<BufferObject*>(self)->nbytes);
}

/// The object with its memory, resident or not.
PyObject* size_of(PyObject* self, PyObject*) {
  const auto* buffer = reinterpret_cast<BufferObject*>(self);
  return PyLong_FromSize_t(buffer->in_pages
                               ? sizeof(PagedBufferObject) + buffer->nbytes
                               : small_object_bytes(buffer->nbytes, buffer->alignment));
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
     "bool: whether the system was asked for huge pages (madvise(2), MADV_HUGEPAGE, for shared\n"
     "memory also MADV_COLLAPSE), and has not refused them.",
     nullptr},
    {"shared", get_shared, nullptr,
     "bool: whether other processes can have the memory too, as with ``shared=True``.", nullptr},
    {"path", get_shared_path, nullptr,
     "str or None: of shared memory, on Linux, the path of a file that it is the start of, while\n"
     "this process has it (proc_pid_fd(5)).",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"__sizeof__", size_of, METH_NOARGS, "Return the size of the object and its memory in bytes."},
    {"__copy__", copy_buffer, METH_NOARGS, "Return a new Buffer with the same bytes."},
    {"__deepcopy__", copy_buffer, METH_O, "Return a new Buffer with the same bytes."},
    {"__reduce_ex__", reduce_buffer, METH_O,
     "Return what pickle stores; from protocol 5 on, the bytes can travel out of band."},
    {"__setstate__", set_buffer_state, METH_O, "Fill the Buffer with the bytes of a pickle."},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(BufferObject, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

constexpr const char* kDoc =
    R"(Buffer(nbytes, *, alignment=64, commit="eager", shared=False, placement=None)
--

Zeroed memory with the writable buffer protocol.

It is the ``base`` of the arrays that zerofill makes, and frees the memory when the last view of
it is gone. ``len()``, ``sys.getsizeof()``, ``copy`` and ``pickle`` treat it as a ``bytearray`` that
stays aligned. It has weak references. To read or write its bytes, take a ``memoryview`` of it.

Parameters
----------
nbytes : int
    Size in bytes; 0 is fine.
alignment : int, optional
    The address is a multiple of this power of two, from 1 to 2**30 bytes. Default 64.
commit : {"eager", "lazy", "background"}, optional
    As for :func:`zerofill.zeros`. Default "eager".
shared, placement : optional
    As for :func:`zerofill.zeros`. Default False and None.

Raises
------
MemoryError
    When the memory cannot be had, or, unless lazy, does not fit in what the process may still use.
OverflowError
    For a size of 2**63 bytes or more.
TypeError, ValueError
    For an argument of the wrong type, or a value that it cannot have; the message names both.

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
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_mp_length, reinterpret_cast<void*>(length)},
    {Py_tp_doc, const_cast<char*>(kDoc)},
    {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
    {0, nullptr},
};

PyType_Spec specification{"zerofill.Buffer", sizeof(BufferObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};

}  // namespace

BufferObject* new_buffer(std::size_t nbytes, const MemoryOptions& wanted) {
  const bool small = alloc::is_small(request_for(nbytes, wanted));
  BufferObject* buffer = recorded(nbytes, [&] {
    return small ? new_small(nbytes, wanted.alignment)
                 : new_paged(nbytes != 0 ? nbytes : 1, wanted);
  });
  begin_life(buffer, nbytes);
  return wanted.shared ? announce_shared(buffer) : buffer;
}

BufferObject* adopt(alloc::Allocation allocation, std::size_t nbytes, std::size_t alignment,
                    bool read_only) {
  BufferObject* buffer = begin_life(hold(std::move(allocation), nbytes, alignment), nbytes);
  buffer->read_only = read_only;
  return buffer;
}

alloc::Allocation* shared_memory_of(PyObject* object) noexcept {
  if (!Py_IS_TYPE(object, buffer_type)) return nullptr;
  auto* buffer = reinterpret_cast<BufferObject*>(object);
  if (!buffer->in_pages || !as_paged(buffer)->allocation.block().is_shared()) return nullptr;
  return &as_paged(buffer)->allocation;
}

[[gnu::noinline, gnu::cold]] BufferObject* try_new_buffer(std::size_t nbytes,
                                                          const MemoryOptions& wanted) {
  try {
    return new_buffer(nbytes, wanted);
  } catch (const OutOfMemory& error) {
    raise_memory_error(static_cast<double>(nbytes), Reference(PyUnicode_FromString("a Buffer")),
                       error);
  } catch (const Interrupted&) {
    return nullptr;  // a signal handler's exception is set
  }
  return nullptr;
}

bool register_buffer(PyObject* module) {
  PyObject* type = PyType_FromSpec(&specification);
  if (type == nullptr) return false;
  buffer_type =
      reinterpret_cast<PyTypeObject*>(type);  // never dropped, because its instances own memory
  return PyModule_AddObjectRef(module, "Buffer", type) == 0;
}

}  // namespace zerofill::python
