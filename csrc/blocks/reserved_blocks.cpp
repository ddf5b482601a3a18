#include "blocks/reserved_blocks.h"

#include <utility>

#include "base/align.h"
#include "base/poison.h"
#include "blocks/mapping.h"

namespace zerofill::blocks {

void ReservedBlocks::push(FreeBlock* record) noexcept {
  record->older = first_;
  first_ = record;
  bytes_ += record->block->bytes;
}

std::optional<PlacedBlock> ReservedBlocks::cut(const FitRequest& request) noexcept {
  for (FreeBlock** link = &first_; *link != nullptr; link = &(*link)->older) {
    Block& whole = *(*link)->block;
    whole.colour = next_colour(request.alignment);  // as for a fresh block
    std::byte* payload = place_in_larger(whole, request);
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
