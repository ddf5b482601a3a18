// Memory of Python objects that carry their payload, and the figures kept beside it.
//
// With the GIL an object may live in the C library's memory, and counting needs no atomic
// read-modify-write, since only the GIL's holder counts. Free-threaded Python needs both.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace zerofill::python {

#ifdef Py_GIL_DISABLED
inline void* allocate_object(std::size_t bytes) noexcept { return PyObject_Malloc(bytes); }
inline void free_object(void* object) noexcept { PyObject_Free(object); }
inline std::uint64_t add(std::atomic<std::uint64_t>& value, std::uint64_t amount) noexcept {
  return value.fetch_add(amount, std::memory_order_relaxed) + amount;
}
#else
inline void* allocate_object(std::size_t bytes) noexcept { return std::malloc(bytes); }
inline void free_object(void* object) noexcept { std::free(object); }
inline std::uint64_t add(std::atomic<std::uint64_t>& value, std::uint64_t amount) noexcept {
  const std::uint64_t sum = value.load(std::memory_order_relaxed) + amount;
  value.store(sum, std::memory_order_relaxed);
  return sum;
}
#endif

/// Bytes and blocks that arrays hold now, and the most there ever were.
struct Live {
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> blocks{0};
  std::atomic<std::uint64_t> peak_bytes{0};
  std::atomic<std::uint64_t> peak_blocks{0};

  void gain(std::uint64_t amount) noexcept {
    raise(peak_bytes, add(bytes, amount));
    raise(peak_blocks, add(blocks, 1));
  }
  void lose(std::uint64_t amount) noexcept {
    add(bytes, std::uint64_t{0} - amount);
    add(blocks, std::uint64_t{0} - 1);
  }

 private:
  static void raise(std::atomic<std::uint64_t>& peak, std::uint64_t value) noexcept {
    std::uint64_t seen = peak.load(std::memory_order_relaxed);
    while (seen < value && !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }
};

Live& live() noexcept;

}  // namespace zerofill::python
