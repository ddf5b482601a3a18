#include "python/shared.h"

#include <cerrno>
#include <cstdint>
#include <utility>

#include "alloc/allocator.h"
#include "base/errors.h"
#include "os/shared.h"
#include "python/gil.h"
#include "python/imported.h"
#include "python/memory_error.h"

namespace py = pybind11;

namespace zerofill::python {
namespace {

alloc::Allocation* memory_of(const py::object& buffer) {
  alloc::Allocation* memory = shared_memory_of(buffer.ptr());
  if (memory == nullptr) throw py::type_error("expected a Buffer of shared memory");
  return memory;
}

std::uint64_t identity_of(const py::object& buffer) { return memory_of(buffer)->identity(); }

/// What a message says of the memory: (handle, identity, number, slot).
py::tuple send(const py::object& buffer, int parent, int creator, int starter, int tracker) {
  alloc::Allocation* memory = memory_of(buffer);
  const blocks::Ticket ticket = memory->send({parent, creator, starter, tracker});
  return py::make_tuple(memory->block().shared, ticket.identity, ticket.number, ticket.slot);
}

/// Notes that a message has arrived about memory that this process has. False where it was about
/// what that memory was before.
bool receive_again(const py::object& buffer, std::uint64_t identity, std::uint64_t number,
                   std::uint32_t slot) {
  return memory_of(buffer)->receive({identity, number, slot});
}

bool has_arrived(const py::object& buffer) { return memory_of(buffer)->has_arrived(); }

/// The handle of what was sent: it is one, or the path of a file. Raises OSError.
os::SharedHandle open_sent(const py::object& sent) {
  if (!PyUnicode_Check(sent.ptr())) return sent.cast<os::SharedHandle>();
  os::SharedHandle handle = os::kNoSharedHandle;
  errno = os::open_shared(PyUnicode_AsUTF8(sent.ptr()), &handle);
  if (errno == 0) return handle;
  PyErr_SetFromErrno(PyExc_OSError);
  throw py::error_already_set();
}

/// What is mapped still needs no path opened; a handle is here already, and is taken. Where there
/// are no descriptors or addresses left, gives up what is kept, and tries a path again.
alloc::Allocation find_or_open(const py::object& sent, alloc::Received* what) {
  if (PyUnicode_Check(sent.ptr())) {
    alloc::Allocation kept = alloc::receive_from_kept(*what);
    if (kept.data() != nullptr) return kept;
    try {
      const int error = os::open_shared(PyUnicode_AsUTF8(sent.ptr()), &what->handle);
      if (error == 0) return alloc::receive(*what);
      if (error == EMFILE || error == ENFILE || error == ENOMEM) alloc::trim();
    } catch (const OutOfMemory&) {
      alloc::trim();
    }
  }
  what->handle = open_sent(sent);
  return alloc::receive(*what);
}

/// None where the handle, which it takes over, is not for what was sent.
py::object receive(const py::object& sent, std::size_t nbytes, std::size_t alignment, bool writable,
                   std::uint64_t identity, std::uint64_t number, std::uint32_t slot) {
  const std::size_t bytes = nbytes != 0 ? nbytes : 1;
  alloc::Received what{os::kNoSharedHandle, bytes, alignment, {identity, number, slot}, writable};
  try {
    alloc::Allocation received = find_or_open(sent, &what);
    if (received.data() == nullptr) return py::none();
    BufferObject* buffer = adopt(std::move(received), nbytes, alignment, !writable);
    return py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(buffer));
  } catch (const OutOfMemory& error) {
    const Reference text(PyUnicode_FromString("the array that another process has shared"));
    raise_memory_error(static_cast<double>(nbytes), text, error, /*lazy_helps=*/false);
  }
  throw py::error_already_set();
}

}  // namespace

BufferObject* announce_shared(BufferObject* buffer) {
  Reference owned(reinterpret_cast<PyObject*>(buffer));
  const Reference sharing = module_named("zerofill.sharing");
  const Reference done(sharing ? PyObject_CallMethod(sharing.get(), "announce", "O", buffer)
                               : nullptr);
  return done ? reinterpret_cast<BufferObject*>(owned.release()) : nullptr;
}

PyObject* get_shared(PyObject* self, void*) {
  return PyBool_FromLong(shared_memory_of(self) != nullptr);
}

PyObject* get_shared_path(PyObject* self, void*) {
  const alloc::Allocation* memory = shared_memory_of(self);
  char path[64];
  if (memory == nullptr || !os::find_shared_path(memory->block().shared, path, sizeof path)) {
    return Py_NewRef(Py_None);
  }
  return PyUnicode_FromString(path);
}

void register_shared(py::module_& module) {
  module.def("identity_of_shared", &identity_of);
  module.def("send_shared", &send);
  module.def("receive_shared", &receive);
  module.def("receive_shared_again", &receive_again);
  module.def("has_shared_arrived", &has_arrived);
}

}  // namespace zerofill::python
