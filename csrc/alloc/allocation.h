// Contract: memory in somebody's hands.
#pragma once

#include <cstddef>
#include <utility>

#include "blocks/block.h"

namespace zerofill::alloc {

struct Request;

/// A block of pages in use, whose owner has `bytes()` from `data()` on. When it is destroyed, the
/// block goes to the pool if all its pages are resident, and to the system otherwise. It counts as
/// in use meanwhile.
class Allocation {
 public:
  Allocation() = default;
  Allocation(blocks::PlacedBlock placed, std::size_t bytes) noexcept;
  Allocation(Allocation&& other) noexcept
      : block_(std::move(other.block_)),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Allocation& operator=(Allocation&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Allocation() { release(); }

  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  const blocks::Block& block() const noexcept { return *block_; }

  /// For clean memory from the pool, of which the system may have taken pages.
  void keep_resident() noexcept;

  /// Says that all of it was written to, so that the system takes no pages.
  void set_written() noexcept { block_->lazily_freed = false; }

  /// Gives the memory up now, if there is any.
  void release() noexcept;

 private:
  friend bool resize(Allocation* allocation, const Request& request,
                     bool (*may_move_to)(const std::byte* data)) noexcept;

  blocks::OwnedBlock block_;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace zerofill::alloc
