#include "blocks/free_lists.h"

#include <algorithm>

#include "base/align.h"
#include "blocks/mapping.h"
#include "os/pages.h"

namespace zerofill::blocks {
namespace {

/// At its start, where other processes look for it; the last page is not for it.
std::byte* place_in_shared(const Block& block, const FitRequest& request) noexcept {
  const bool fits = block.bytes - os::page_bytes() >= request.bytes;
  return fits && align_up(block.address, request.alignment) == block.address ? block.address
                                                                             : nullptr;
}

}  // namespace

std::byte* place_payload(const Block& block, const FitRequest& request) noexcept {
  const std::size_t most = request.bytes + request.bytes / 8 + kMaxColour;
  return block.bytes <= most ? place_in_larger(block, request) : nullptr;
}

std::byte* place_in_larger(const Block& block, const FitRequest& request) noexcept {
  if (block.is_shared() != request.shared || block.placement != request.placement) return nullptr;
  if (request.shared) return place_in_shared(block, request);
  if (block.bytes < request.bytes) return nullptr;
  const std::size_t spare = block.bytes - request.bytes;
  for (const std::size_t colour : {block.colour, std::size_t{0}}) {
    std::byte* payload = align_up(block.address + colour, request.alignment);
    if (static_cast<std::size_t>(payload - block.address) <= spare) return payload;
  }
  return nullptr;
}

FreeLists::List& FreeLists::list_of(const Block& block) noexcept {
  List* lists = block.content == Content::zero ? clean_ : dirty_;
  return lists[size_class(block.bytes)];
}

std::size_t& FreeLists::bytes_of(const Block& block) noexcept {
  return block.content == Content::zero ? clean_bytes_ : dirty_bytes_;
}

void FreeLists::push(FreeBlock* block) noexcept {
  List& list = list_of(*block->block);
  block->newer = nullptr;
  block->older = list.newest;
  // A block that was scrubbed comes back with the time at which it was freed.
  while (block->older != nullptr && block->older->freed_at > block->freed_at) {
    block->newer = block->older;
    block->older = block->older->older;
  }
  (block->newer != nullptr ? block->newer->older : list.newest) = block;
  (block->older != nullptr ? block->older->newer : list.oldest) = block;
  bytes_of(*block->block) += block->block->bytes;
  if (!block->block->lazily_freed) held_bytes_ += block->block->bytes;
  if (block->block->is_shared()) ++shared_blocks_;
}

void FreeLists::remove(FreeBlock* block) noexcept {
  List& list = list_of(*block->block);
  (block->newer != nullptr ? block->newer->older : list.newest) = block->older;
  (block->older != nullptr ? block->older->newer : list.oldest) = block->newer;
  bytes_of(*block->block) -= block->block->bytes;
  if (!block->block->lazily_freed) held_bytes_ -= block->block->bytes;
  if (block->block->is_shared()) --shared_blocks_;
}

FreeBlock* FreeLists::find_in(const List* lists, const FitRequest& request) noexcept {
  const int last = size_class(request.bytes + request.bytes / 8 + kMaxColour);
  for (int index = size_class(request.bytes); index <= last; ++index) {
    for (FreeBlock* block = lists[index].newest; block != nullptr; block = block->older) {
      if (place_payload(*block->block, request) != nullptr) return block;
    }
  }
  return nullptr;
}

FreeBlock* FreeLists::find(const FitRequest& request) const noexcept {
  if (request.bytes > kMaxPooledBytes) return nullptr;
  const bool dirty_first = request.preference == ContentPreference::dirty;
  FreeBlock* found = find_in(dirty_first ? dirty_ : clean_, request);
  if (found != nullptr || request.preference == ContentPreference::only_clean) return found;
  return find_in(dirty_first ? clean_ : dirty_, request);
}

FreeBlock* FreeLists::oldest() const noexcept {
  FreeBlock* found = nullptr;
  for (const List* lists : {clean_, dirty_}) {
    std::for_each(lists, lists + kSizeClasses, [&found](const List& list) {
      FreeBlock* block = list.oldest;
      if (block != nullptr && (found == nullptr || block->freed_at < found->freed_at)) {
        found = block;
      }
    });
  }
  return found;
}

FreeBlock* FreeLists::next_to_scrub() const noexcept {
  FreeBlock* found = nullptr;
  std::for_each(dirty_, dirty_ + kSizeClasses, [&found](const List& list) {
    for (FreeBlock* block = list.newest; block != nullptr; block = block->older) {
      if (!block->worth_scrubbing) continue;
      if (found == nullptr || found->freed_at < block->freed_at) found = block;
      break;  // the others of the class are older
    }
  });
  return found;
}

}  // namespace zerofill::blocks
