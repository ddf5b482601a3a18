// What the allocator throws.
#pragma once

#include <cstddef>
#include <new>

namespace zerofill {

/// There is no memory for a request; nothing was changed.
class OutOfMemory : public std::bad_alloc {
 public:
  /// The system refused, with an errno value.
  explicit OutOfMemory(int error) noexcept;
  /// The budget refused, before the system was asked.
  OutOfMemory(std::size_t available_bytes, const char* limit) noexcept;

  /// Something else than memory is not there, which the reason says, at most 255 bytes.
  explicit OutOfMemory(const char* reason) noexcept;

  /// The reason, as a clause that goes behind "Unable to allocate ...: ".
  const char* what() const noexcept override { return text_; }
  /// Whether the request would fit with commit="lazy".
  bool lazy_would_do() const noexcept { return lazy_would_do_; }

 private:
  bool lazy_would_do_;
  char text_[320];
};

/// The caller's poll said stop.
class Interrupted : public std::exception {};

}  // namespace zerofill
