#include "memory/heap.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/align.h"
#include "base/checked.h"
#include "memory/allocator.h"
#include "memory/page_map.h"
#include "memory/small_blocks.h"

namespace zerofill::memory {
namespace {

// Large: blocks of pages, found by their address -------------------------------------------------

void* lend(const Block& block, std::size_t bytes) noexcept {
  auto* lent = new (std::nothrow) Lent{block, bytes};
  if (lent != nullptr && remember(lent)) return block.payload;
  delete lent;
  release(block);
  return nullptr;
}

Request request_for(std::size_t bytes, std::size_t alignment, Content content) noexcept {
  return {std::max(bytes, kBlockUnit), alignment, Commit::on_use, content};
}

void* make_large(std::size_t bytes, std::size_t alignment, Content content) noexcept {
  try {
    return lend(acquire(request_for(bytes, alignment, content), {}), bytes);
  } catch (const OutOfMemory&) {
    return nullptr;
  }
}

void free_large(Lent* lent) noexcept {
  forget(lent);
  release(lent->block);
  delete lent;
}

/// Moves the pages to a larger place; null, and nothing is changed, where they cannot be.
void* grow_elsewhere(Lent* lent, std::size_t bytes, const Request& request) noexcept {
  const auto place = place_to_grow(lent->block, request);
  if (!place) return nullptr;
  auto* moved = new (std::nothrow) Lent{*place, bytes};
  // Known by its address before it is there: afterwards there is no way back.
  if (moved == nullptr || !remember(moved)) {
    abandon(*place);
    delete moved;
    return nullptr;
  }
  forget(lent);  // before another thread can have a block there
  if (!move_into(&moved->block, lent->block)) {
    (void)remember(lent);  // the map has room for what it had before
    forget(moved);         // unless another block is there by now
    delete moved;
    return nullptr;
  }
  delete lent;
  return moved->block.payload;
}

/// Null, and nothing is changed, where the bytes have to be copied.
void* resize_large(Lent* lent, std::size_t bytes, std::size_t alignment) noexcept {
  Block& block = lent->block;
  const Request request = request_for(bytes, alignment, Content::unknown);
  const auto room = static_cast<std::size_t>(block.address + block.bytes - block.payload);
  if (bytes > room) {
    const Growth growth = grow(&block, request.bytes);
    if (growth == Growth::possible_elsewhere) return grow_elsewhere(lent, bytes, request);
    if (growth == Growth::impossible) return nullptr;
  } else if (bytes < room - room / 8) {   // less is not worth the call
    (void)shrink(&block, request.bytes);  // or it stays larger than it need be
  }
  lent->bytes = bytes;
  return block.payload;
}

std::size_t size_of(void* memory) noexcept {
  const Lent* lent = find_lent(memory);
  return lent != nullptr ? lent->bytes : small_capacity(memory);
}

void* make(std::size_t bytes, std::size_t alignment) noexcept {
  return is_small(bytes, alignment, Commit::on_use)
             ? make_small(bytes, alignment)
             : make_large(bytes, alignment, Content::unknown);
}

void* move_bytes(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  void* moved = make(bytes, alignment);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, std::min(bytes, size_of(memory)));
  heap_free(memory, alignment);
  return moved;
}

}  // namespace

void* heap_malloc(std::size_t bytes, std::size_t alignment) noexcept {
  return make(std::max(bytes, std::size_t{1}), alignment);
}

void* heap_calloc(std::size_t count, std::size_t bytes, std::size_t alignment) noexcept {
  std::size_t all = 0;
  if (!checked_multiply(count, bytes, &all)) return nullptr;
  all = std::max(all, std::size_t{1});
  return is_small(all, alignment, Commit::on_use) ? make_small_zeros(all, alignment)
                                                  : make_large(all, alignment, Content::zero);
}

void* heap_realloc(void* memory, std::size_t bytes, std::size_t alignment) noexcept {
  if (memory == nullptr) return heap_malloc(bytes, alignment);
  bytes = std::max(bytes, std::size_t{1});
  Lent* lent = find_lent(memory);
  void* resized = nullptr;
  if (lent != nullptr && !is_small(bytes, alignment, Commit::on_use)) {
    resized = resize_large(lent, bytes, alignment);
  } else if (lent == nullptr && is_small(bytes, alignment, Commit::on_use)) {
    resized = resize_small(memory, bytes, alignment);
  }
  return resized != nullptr ? resized : move_bytes(memory, bytes, alignment);
}

void heap_free(void* memory, std::size_t alignment) noexcept {
  if (memory == nullptr) return;
  if (Lent* lent = find_lent(memory)) return free_large(lent);
  free_small(memory, alignment);
}

}  // namespace zerofill::memory
