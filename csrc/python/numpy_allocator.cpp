#include "python/numpy_allocator.h"

#include "alloc/aligned_malloc.h"
#include "base/checked.h"
#include "base/units.h"
#include "python/buffer.h"
#include "python/gil.h"
#include "python/numpy.h"

namespace py = pybind11;

namespace zerofill::python {
namespace {

constexpr const char* kCapsuleName = "mem_handler";  // NEP 49 wants this one

std::size_t alignment_in(void* context) noexcept { return reinterpret_cast<std::size_t>(context); }

// NumPy may call these from several threads at once, and while the interpreter ends. The size that
// it gives when it frees is wrong for arrays whose shape or dtype were set, so nobody looks at it.

/// From this size on, zeroing reused memory takes longer than handing over the GIL.
constexpr std::size_t kReleaseGilBytes = kHugePageUnit;

void* allocate(void* context, std::size_t bytes) noexcept {
  return alloc::aligned_malloc(bytes, alignment_in(context));
}

void* allocate_zeros(void* context, std::size_t count, std::size_t bytes) noexcept {
  const auto allocate = [&] { return alloc::aligned_calloc(count, bytes, alignment_in(context)); };
  std::size_t all = 0;
  const bool takes_long = checked_multiply(count, bytes, &all) && all >= kReleaseGilBytes;
  if (!takes_long || !PyGILState_Check()) return allocate();
  return without_gil([&](const team::Poll&) { return allocate(); });
}

void* reallocate(void* context, void* memory, std::size_t bytes) noexcept {
  return alloc::aligned_realloc(memory, bytes, alignment_in(context));
}

void deallocate(void* context, void* memory, std::size_t /*bytes*/) noexcept {
  alloc::aligned_free(memory, alignment_in(context));
}

/// A handler for one alignment. Arrays keep a reference to the capsule, and the capsule keeps an
/// address in here, so neither is ever destroyed.
struct Handler {
  PyDataMem_Handler handler;
  PyObject* capsule;
};

constexpr int kMinPower = 6;
constexpr int kMaxPower = 30;
static_assert(std::size_t{1} << kMinPower == kDefaultAlignment);
Handler handlers[kMaxPower - kMinPower + 1];

PyObject* handler_for(std::size_t alignment) noexcept {
  int power = kMinPower;
  while ((alignment >> power) > 1) ++power;
  return handlers[power - kMinPower].capsule;
}

void make_handlers() {
  std::size_t alignment = kDefaultAlignment;
  for (Handler& made : handlers) {
    made.handler = {
        "zerofill",
        1,
        {reinterpret_cast<void*>(alignment), allocate, allocate_zeros, reallocate, deallocate}};
    made.capsule = PyCapsule_New(&made.handler, kCapsuleName, nullptr);
    if (made.capsule == nullptr) throw py::error_already_set();
    alignment *= 2;
  }
}

py::object checked(PyObject* handler) {
  if (handler == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(handler);
}

py::object get_handler() { return checked(PyDataMem_GetHandler()); }

py::object set_handler(const py::object& handler) {
  // None is NumPy's own.
  return checked(PyDataMem_SetHandler(handler.is_none() ? nullptr : handler.ptr()));
}

}  // namespace

NumpyHandlerScope::NumpyHandlerScope(std::size_t alignment)
    : ours_(handler_for(alignment)), former_(PyDataMem_SetHandler(ours_)) {}

NumpyHandlerScope::~NumpyHandlerScope() {
  if (failed()) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  // A second try where there was no memory for a moment, or our handler would stay for good.
  if (!restore()) {
    PyErr_Clear();
    if (!restore()) PyErr_WriteUnraisable(nullptr);
  }
  PyErr_Restore(type, value, traceback);
}

bool NumpyHandlerScope::restore() {
  const Reference current(PyDataMem_GetHandler());
  if (!current) return false;
  if (current.get() != ours_) return true;
  const Reference replaced(PyDataMem_SetHandler(former_.get()));
  return static_cast<bool>(replaced);
}

void register_numpy_allocator(py::module_& module) {
  make_handlers();
  module.attr("numpy_handler") = py::reinterpret_borrow<py::object>(handler_for(kDefaultAlignment));
  module.def("get_numpy_handler", &get_handler);
  module.def("set_numpy_handler", &set_handler);
}

}  // namespace zerofill::python
