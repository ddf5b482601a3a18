#include "python/buffer_copy.h"

#include <cstddef>
#include <cstring>

#include "python/buffer.h"
#include "python/gil.h"
#include "python/imported.h"

namespace zerofill::python {
namespace {

BufferObject* as_buffer(PyObject* self) { return reinterpret_cast<BufferObject*>(self); }

/// Copies as many bytes as the Buffer has.
void fill(BufferObject* buffer, const void* source) {
  const auto copy = [&] { std::memcpy(buffer->data, source, buffer->nbytes); };
  if (!buffer->in_pages) return copy();
  without_gil([&](const team::Poll&) { copy(); });
}

}  // namespace

PyObject* copy_buffer(PyObject* self, PyObject*) {
  const BufferObject* original = as_buffer(self);
  MemoryOptions wanted;
  wanted.alignment = original->alignment;
  BufferObject* copy = try_new_buffer(original->nbytes, wanted);
  if (copy != nullptr) fill(copy, original->data);
  return reinterpret_cast<PyObject*>(copy);
}

PyObject* reduce_buffer(PyObject* self, PyObject* protocol) {
  constexpr long kOutOfBand = 5;  // the first protocol that knows PickleBuffer
  const long number = PyLong_AsLong(protocol);
  if (number == -1 && PyErr_Occurred()) return nullptr;
  const Reference copyreg = module_named("copyreg");
  if (!copyreg) return nullptr;
  const Reference make(PyObject_GetAttrString(copyreg.get(), "__newobj_ex__"));
  const Reference bytes(number >= kOutOfBand ? PyPickleBuffer_FromObject(self)
                                             : PyBytes_FromObject(self));
  if (!make || !bytes) return nullptr;
  const BufferObject* buffer = as_buffer(self);
  return Py_BuildValue("O(O(n){s:I})O", make.get(), Py_TYPE(self),
                       static_cast<Py_ssize_t>(buffer->nbytes), "alignment",
                       static_cast<unsigned int>(buffer->alignment), bytes.get());
}

PyObject* set_buffer_state(PyObject* self, PyObject* state) {
  BufferObject* buffer = as_buffer(self);
  if (buffer->read_only) {
    PyErr_SetString(PyExc_ValueError, "this Buffer is read-only");
    return nullptr;
  }
  Py_buffer view;
  if (PyObject_GetBuffer(state, &view, PyBUF_SIMPLE) != 0) return nullptr;
  const bool fits = view.len == static_cast<Py_ssize_t>(buffer->nbytes);
  if (fits) fill(buffer, view.buf);
  if (!fits) {
    PyErr_Format(PyExc_ValueError, "a Buffer of %zu bytes cannot be filled with %zd bytes",
                 buffer->nbytes, view.len);
  }
  PyBuffer_Release(&view);
  return fits ? Py_NewRef(Py_None) : nullptr;
}

}  // namespace zerofill::python
