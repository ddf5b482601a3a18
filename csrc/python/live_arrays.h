// Contract: what zerofill's own arrays and Buffers hold, by the bytes that they asked for, however
// few. The pages of blocks in use, NumPy's included, are counted in blocks/recent_peak.h: the
// pool's limit follows those.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstdint>

namespace zerofill::python {

/// Bytes and buffers that are live now, and the most there ever were. pre: the GIL is held.
class LiveArrays {
 public:
  void gain(std::uint64_t bytes) noexcept {
    raise(peak_bytes_, add(bytes_, bytes));
    raise(peak_count_, add(count_, 1));
  }
  void lose(std::uint64_t bytes) noexcept {
    add(bytes_, std::uint64_t{0} - bytes);
    add(count_, std::uint64_t{0} - 1);
  }

  std::uint64_t bytes() const noexcept { return bytes_.load(); }
  std::uint64_t count() const noexcept { return count_.load(); }
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
    std::uint64_t seen = peak.load(std::memory_order_relaxed);
    while (seen < value && !peak.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
  }

  Figure bytes_{0};
  Figure count_{0};
  Figure peak_bytes_{0};
  Figure peak_count_{0};
};

inline LiveArrays live_arrays;

}  // namespace zerofill::python
