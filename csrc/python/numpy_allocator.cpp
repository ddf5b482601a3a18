#include "python/numpy_allocator.h"

#include <stdexcept>

#include "alloc/aligned_malloc.h"
#include "base/checked.h"
#include "base/units.h"
#include "python/buffer.h"
#include "python/call_sites.h"
#include "python/gil.h"
#include "python/handler_variable.h"
#include "python/live_arrays.h"
#include "python/memory_options.h"
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

// Small arrays are not counted as live: that takes as long as a tenth of `x + x` of 100 bytes.

std::size_t page_bytes(void* memory) noexcept {
  return memory != nullptr ? alloc::page_bytes(memory) : 0;
}

void lose(std::size_t page_bytes) noexcept {
  if (page_bytes != 0) live_arrays.lose_anywhere(page_bytes);
}

void* counted(void* memory) noexcept {
  const std::size_t bytes = page_bytes(memory);
  if (bytes != 0) live_arrays.gain_anywhere(bytes);
  return memory;
}

void* allocate(void* context, std::size_t bytes) noexcept {
  return recorded(bytes,
                  [&] { return counted(alloc::aligned_malloc(bytes, alignment_in(context))); });
}

void* allocate_zeros(void* context, std::size_t count, std::size_t bytes) noexcept {
  const auto allocate = [&] { return alloc::aligned_calloc(count, bytes, alignment_in(context)); };
  std::size_t all = 0;
  const bool takes_long = checked_multiply(count, bytes, &all) && all >= kReleaseGilBytes;
  return recorded(all, [&] {
    if (!takes_long || !holds_gil()) return counted(allocate());
    return counted(without_gil([&](const team::Poll&) { return allocate(); }));
  });
}

void* reallocate(void* context, void* memory, std::size_t bytes) noexcept {
  const std::size_t former = page_bytes(memory);
  return recorded(bytes, [&] {
    void* resized = alloc::aligned_realloc(memory, bytes, alignment_in(context));
    if (resized != nullptr) lose(former);
    return counted(resized);
  });
}

void deallocate(void* context, void* memory, std::size_t /*bytes*/) noexcept {
  const std::size_t pages = page_bytes(memory);
  lose(pages);
  recorded_free(pages, [&] { alloc::aligned_free(memory, alignment_in(context)); });
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

py::object own_handler(const py::object& alignment) {
  std::size_t bytes;
  if (!read_alignment(alignment.ptr(), &bytes)) throw py::error_already_set();
  return py::reinterpret_borrow<py::object>(handler_for(bytes));
}

/// The alignment of a handler of ours; 0 for another one.
std::size_t alignment_of(const py::object& capsule) noexcept {
  for (const Handler& made : handlers) {
    if (made.capsule == capsule.ptr()) return alignment_in(made.handler.allocator.ctx);
  }
  return 0;
}

/// None is NumPy's own.
void set_default_handler(const py::object& handler) {
  if (can_replace_default_handler()) {
    return replace_default_handler(handler.is_none() ? PyDataMem_DefaultHandler : handler.ptr());
  }
  if (handler.is_none()) return;  // it was never changed
  throw std::runtime_error(
      "install(threads=True) is not possible here, because this Python keeps the default of a "
      "context variable elsewhere than CPython 3.11 to 3.15: call install() in each thread");
}

py::object get_handler() { return checked(PyDataMem_GetHandler()); }

py::object set_handler(const py::object& handler) {
  // None is NumPy's own.
  return checked(PyDataMem_SetHandler(handler.is_none() ? nullptr : handler.ptr()));
}

}  // namespace

NumpyHandlerScope::NumpyHandlerScope(std::size_t alignment) : ours_(handler_for(alignment)) {
  PyObject* variable = handler_variable();
  if (variable != nullptr) token_ = Reference(PyContextVar_Set(variable, ours_));
}

NumpyHandlerScope::~NumpyHandlerScope() {
  if (failed()) return;
  const ErrorAside aside;
  // A second try where there was no memory for a moment, or our handler would stay for good.
  if (!restore()) {
    PyErr_Clear();
    if (!restore()) PyErr_WriteUnraisable(nullptr);
  }
}

bool NumpyHandlerScope::restore() {
  const Reference current(PyDataMem_GetHandler());
  if (!current) return false;
  return current.get() != ours_ || PyContextVar_Reset(handler_variable(), token_.get()) == 0;
}

void register_numpy_allocator(py::module_& module) {
  make_handlers();
  module.def("numpy_handler", &own_handler);
  module.def("numpy_handler_alignment", &alignment_of);
  module.def("set_default_numpy_handler", &set_default_handler);
  if (handler_variable() == nullptr) throw py::error_already_set();
  module.attr("numpy_handler_variable") = py::reinterpret_borrow<py::object>(handler_variable());
  module.def("get_numpy_handler", &get_handler);
  module.def("set_numpy_handler", &set_handler);
}

}  // namespace zerofill::python
