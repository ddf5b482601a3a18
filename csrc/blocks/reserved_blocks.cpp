#include "blocks/reserved_blocks.h"

#include <utility>

#include "base/align.h"
#include "base/poison.h"
#include "blocks/mapping.h"

namespace zerofill::blocks {
namespace {

/// Where in a block a request's bytes would start, as fresh ones do. Null where it does not fit.
std::byte* place(const Block& block, const FitRequest& request) noexcept {
  if (block.bytes < request.bytes) return nullptr;
  for (const std::size_t colour : {next_colour(request.alignment), std::size_t{0}}) {
    std::byte* payload = align_up(block.address, request.alignment) + colour;
    const auto offset = static_cast<std::size_t>(payload - block.address);
    if (offset <= block.bytes - request.bytes) return payload;
  }
  return nullptr;
}

}  // namespace

void ReservedBlocks::push(FreeBlock* record) noexcept {
  record->older = first_;
  first_ = record;
  bytes_ += record->block->bytes;
}

std::optional<PlacedBlock> ReservedBlocks::cut(const FitRequest& request) noexcept {
  for (FreeBlock** link = &first_; *link != nullptr; link = &(*link)->older) {
    Block& whole = *(*link)->block;
    std::byte* payload = place(whole, request);
    if (payload == nullptr) continue;
    Block front = whole;
    const auto used = static_cast<std::size_t>(payload - whole.address) + request.bytes;
    front.bytes = align_up(used, kBlockUnit);
    front.colour = static_cast<std::size_t>(payload - align_up(whole.address, request.alignment));
    bytes_ -= front.bytes;
    whole.address += front.bytes;
    whole.bytes -= front.bytes;
    if (whole.bytes == 0) {
      FreeBlock* emptied = std::exchange(*link, (*link)->older);
      (void)emptied->block.release();
      delete emptied;
    }
    unpoison(front.address, front.bytes);
    return PlacedBlock{OwnedBlock(front), payload};
  }
  return std::nullopt;
}

FreeBlock* ReservedBlocks::pop_all(FreeBlock* chain) noexcept {
  while (first_ != nullptr) {
    FreeBlock* block = std::exchange(first_, first_->older);
    block->older = std::exchange(chain, block);
  }
  bytes_ = 0;
  return chain;
}

}  // namespace zerofill::blocks
