#include "python/dlpack.h"

#include <cstdint>
#include <limits>

namespace zerofill::python {
namespace {

// DLPack's own layout, version 1 (https://dmlc.github.io/dlpack/latest/c_api.html).

struct Device {
  std::int32_t type;
  std::int32_t id;
};

struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  ///< in elements; null for C order
  std::uint64_t byte_offset;
};

struct ManagedTensor {
  std::uint32_t major_version;
  std::uint32_t minor_version;
  void* context;
  void (*deleter)(ManagedTensor*);
  std::uint64_t flags;
  Tensor tensor;
};

// Memory that the CPU can write to: the same kinds that np.from_dlpack takes.
constexpr std::int32_t kCpu = 1;
constexpr std::int32_t kCudaHost = 3;  // pinned by CUDA
constexpr std::int32_t kRocmHost = 11;
constexpr std::int32_t kCudaManaged = 13;  // moves between CPU and GPU by itself
constexpr std::uint8_t kOpaqueHandle = 3;
constexpr std::uint8_t kFloat8E8m0fnu = 14;
constexpr std::uint64_t kReadOnly = 1;
constexpr std::uint64_t kIsCopied = 2;
constexpr std::uint64_t kSubbytePadded = 4;  // an element of less than a byte takes a whole one

bool refuse(PyObject* error, PyObject* object, const char* why) {
  PyErr_Format(error, "clear() cannot zero this %s: %s", Py_TYPE(object)->tp_name, why);
  return false;
}

/// The capsule. It is asked for without a copy, and in the version that says whether the memory may
/// be written to.
Reference request_capsule(PyObject* object) {
  const Reference method(PyObject_GetAttrString(object, "__dlpack__"));
  const Reference arguments(PyTuple_New(0));
  const Reference keywords(Py_BuildValue("{s:(ii),s:O}", "max_version", 1, 0, "copy", Py_False));
  if (!method || !arguments || !keywords) return Reference();
  Reference capsule(PyObject_Call(method.get(), arguments.get(), keywords.get()));
  if (!capsule && PyErr_ExceptionMatches(PyExc_TypeError)) {
    // Before version 1 there were no such keywords. If the call fails without them too, its error
    // says why.
    PyErr_Clear();
    capsule = Reference(PyObject_CallNoArgs(method.get()));
  }
  return capsule;
}

bool is_writable_by_cpu(std::int32_t device) noexcept {
  return device == kCpu || device == kCudaHost || device == kRocmHost || device == kCudaManaged;
}

bool is_whole_bytes(const ManagedTensor& managed) noexcept {
  const DataType& dtype = managed.tensor.dtype;
  if ((managed.flags & kSubbytePadded) != 0 && dtype.bits % 8 != 0) return false;
  return dtype.code != kOpaqueHandle && dtype.bits != 0 && dtype.lanes != 0 &&
         dtype.bits * dtype.lanes % 8 == 0;
}

bool is_acceptable(PyObject* object, const ManagedTensor& managed) {
  const Tensor& tensor = managed.tensor;
  if (managed.major_version != 1) return refuse(PyExc_TypeError, object, "unknown DLPack version");
  if (!is_writable_by_cpu(tensor.device.type)) {
    return refuse(PyExc_ValueError, object,
                  "its memory is on another device, where only its own library can zero it");
  }
  if (managed.flags & kReadOnly) return refuse(PyExc_ValueError, object, "it is read-only");
  if (managed.flags & kIsCopied) {
    return refuse(PyExc_ValueError, object, "it gives a copy, not its own memory");
  }
  if (tensor.dtype.code == kFloat8E8m0fnu) {
    return refuse(PyExc_TypeError, object, "float8_e8m0fnu has no zero");
  }
  if (!is_whole_bytes(managed)) {
    return refuse(PyExc_TypeError, object, "its elements are not a whole number of bytes");
  }
  if (tensor.ndim < 0 || tensor.ndim > zeroing::StridedRange::kMaxDimensions) {
    return refuse(PyExc_ValueError, object, "it has more than 64 dimensions");
  }
  return true;
}

/// The strides in bytes; false where one overflows. Without strides the order is C's, and a length
/// of a tensor that is too large may overflow there: classify() finds that.
bool fill_strides(const Tensor& tensor, zeroing::StridedRange* range) {
  const auto run = static_cast<std::int64_t>(range->run_bytes);
  auto contiguous = static_cast<std::size_t>(run);
  for (int i = tensor.ndim - 1; i >= 0; --i) {
    range->strides[i] = static_cast<std::ptrdiff_t>(contiguous);
    contiguous *= static_cast<std::size_t>(range->lengths[i]);
    if (tensor.strides == nullptr) continue;
    const std::int64_t stride = tensor.strides[i];
    const std::int64_t most = std::numeric_limits<std::ptrdiff_t>::max() / run;
    if (stride > most || stride < -most) return false;
    range->strides[i] = static_cast<std::ptrdiff_t>(stride * run);
  }
  return true;
}

/// False with an error set where the tensor describes no memory that there could be.
bool fill_range(PyObject* object, const Tensor& tensor, ForeignMemory* memory) {
  zeroing::StridedRange& range = memory->range;
  const auto data = reinterpret_cast<std::uintptr_t>(tensor.data);
  const std::uint64_t most = std::numeric_limits<std::uintptr_t>::max() - data;
  const bool has_address = data != 0 && tensor.byte_offset <= most;
  range.address = has_address ? static_cast<std::byte*>(tensor.data) + tensor.byte_offset : nullptr;
  range.run_bytes = static_cast<std::size_t>(tensor.dtype.bits) * tensor.dtype.lanes / 8;
  range.dimensions = tensor.ndim;
  if (tensor.ndim != 0 && tensor.shape == nullptr) {
    return refuse(PyExc_ValueError, object, "it has dimensions and no shape");
  }
  for (int i = 0; i < tensor.ndim; ++i) {
    range.lengths[i] = static_cast<std::ptrdiff_t>(tensor.shape[i]);
  }
  const bool has_strides = fill_strides(tensor, &range);
  const zeroing::Geometry geometry = zeroing::classify(range);
  memory->empty = geometry == zeroing::Geometry::empty;
  if (memory->empty) return true;
  if (geometry == zeroing::Geometry::negative_length) {
    return refuse(PyExc_ValueError, object, "negative dimensions are not allowed");
  }
  if (!has_address || !has_strides || geometry == zeroing::Geometry::too_large) {
    return refuse(PyExc_ValueError, object, "its shape, strides or offset lead outside of memory");
  }
  return true;
}

}  // namespace

bool get_dlpack_memory(PyObject* object, ForeignMemory* memory) {
  memory->owner = request_capsule(object);
  PyObject* capsule = memory->owner.get();
  if (capsule == nullptr) return false;
  constexpr const char* kName = "dltensor_versioned";
  if (!PyCapsule_IsValid(capsule, kName)) {
    return refuse(
        PyExc_TypeError, object,
        "its DLPack is older than version 1, which does not say whether its memory may be "
        "written to; upgrade its library (torch: to 2.9 or newer), or pass a NumPy array that "
        "shares its memory (torch: tensor.numpy())");
  }
  // The capsule is not consumed, so its own destructor releases the memory.
  const auto* managed = static_cast<ManagedTensor*>(PyCapsule_GetPointer(capsule, kName));
  if (!is_acceptable(object, *managed)) return false;
  return fill_range(object, managed->tensor, memory);
}

}  // namespace zerofill::python
