// Contract: what arrays hold. zerofill's own arrays and Buffers count by the bytes that they asked
// for, however few; NumPy's by those that their memory has. The pages of blocks in use are counted
// in blocks/recent_peak.h: the pool's limit follows those.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstdint>

#include "python/gil.h"

namespace zerofill::python {

/// Bytes and arrays that are live now, and the most there ever were.
class LiveArrays {
 public:
  /// pre: the GIL is held.
  void gain(std::uint64_t bytes) noexcept {
    raise(peak_bytes_, add(with_gil_.bytes, bytes) + without_gil_.bytes.load());
    raise(peak_count_, add(with_gil_.count, 1) + without_gil_.count.load());
  }
  void lose(std::uint64_t bytes) noexcept {
    add(with_gil_.bytes, std::uint64_t{0} - bytes);
    add(with_gil_.count, std::uint64_t{0} - 1);
  }

  /// For NumPy, which takes memory for its work without the GIL, too.
  void gain_anywhere(std::uint64_t bytes) noexcept {
    if (holds_gil()) return gain(bytes);
    without_gil_.bytes.fetch_add(bytes);
    without_gil_.count.fetch_add(1);
  }
  void lose_anywhere(std::uint64_t bytes) noexcept {
    if (holds_gil()) return lose(bytes);
    without_gil_.bytes.fetch_sub(bytes);
    without_gil_.count.fetch_sub(1);
  }

  // Modulo 2**64: what is gained with the GIL may be lost without it.
  std::uint64_t bytes() const noexcept {
    return with_gil_.bytes.load() + without_gil_.bytes.load();
  }
  std::uint64_t count() const noexcept {
    return with_gil_.count.load() + without_gil_.count.load();
  }
  std::uint64_t peak_bytes() const noexcept { return peak_bytes_.load(); }
  std::uint64_t peak_count() const noexcept { return peak_count_.load(); }

 private:
  using Figure = std::atomic<std::uint64_t>;

  // Only the GIL's holder counts, so that a load and a store do. An atomic read-modify-write would
  // take as long as a quarter of a tiny array.
#ifdef Py_GIL_DISABLED
  static std::uint64_t add(Figure& figure, std::uint64_t amount) noexcept {
    return figure.fetch_add(amount, std::memory_order_relaxed) + amount;
  }
#else
  static std::uint64_t add(Figure& figure, std::uint64_t amount) noexcept {
    const std::uint64_t sum = figure.load(std::memory_order_relaxed) + amount;
    figure.store(sum, std::memory_order_relaxed);
    return sum;
  }
#endif
  static void raise(Figure& peak, std::uint64_t value) noexcept {
    constexpr std::uint64_t kBelowZero = std::uint64_t{1} << 63;  // lost before it was gained
    std::uint64_t seen = peak.load(std::memory_order_relaxed);
    while (seen < value && value < kBelowZero &&
           !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }

  struct Live {
    Figure bytes{0};
    Figure count{0};
  };

  Live with_gil_;
  Live without_gil_;
  Figure peak_bytes_{0};
  Figure peak_count_{0};
};

inline LiveArrays live_arrays;

}  // namespace zerofill::python
