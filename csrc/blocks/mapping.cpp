#include "blocks/mapping.h"

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/align.h"
#include "base/checked.h"
#include "base/counters.h"
#include "base/errors.h"
#include "base/poison.h"
#include "blocks/first_touch.h"
#include "blocks/fork_epoch.h"
#include "blocks/huge_page_watch.h"
#include "os/pages.h"

namespace zerofill::blocks {
namespace {

/// A page and a cache line: the next page of a TLB and the next set of a cache.
constexpr std::size_t kColourStepBytes = 4160;

}  // namespace

std::size_t block_bytes(std::size_t bytes, std::size_t colour) {
  std::size_t end;
  if (!checked_add(bytes, colour + os::page_bytes() - 1, &end)) throw OutOfMemory(ENOMEM);
  return align_down(end, os::page_bytes());
}

OwnedBlock map_block(std::size_t bytes, std::size_t alignment, std::size_t colour, PageSize pages,
                     const os::Placement& placement) {
  Block block;
  block.bytes = block_bytes(bytes, colour);
  const std::size_t huge = os::huge_page_bytes();
  const bool holds_huge = huge != 0 && block.bytes >= huge;
  const std::size_t unit = block.bytes >= kBlockUnit ? kBlockUnit : os::page_bytes();
  void* address = nullptr;
  const int error =
      os::map_pages(block.bytes, std::max({alignment, unit, holds_huge ? huge : unit}), "zerofill",
                    &address, pages == PageSize::small ? os::Reserve::no : os::Reserve::yes);
  if (error != 0) throw OutOfMemory(error);
  block.address = static_cast<std::byte*>(address);
  block.colour = colour;
  block.content = Content::zero;
  block.fork_epoch = fork_epoch();
  place_block(&block, placement);
  const bool wants_huge = pages == PageSize::huge && should_ask_for_huge_pages();
  if (holds_huge && !wants_huge) {
    (void)os::advise_no_huge_pages(address, block.bytes);
  } else {
    block.huge_pages = holds_huge && os::advise_huge_pages(address, block.bytes) == 0;
  }
  return OwnedBlock(block);
}

// Where the system refuses, it puts each page where the first thread that touches it runs.
void place_block(Block* block, const os::Placement& placement) noexcept {
  if (placement == os::kUnplaced) return;
  block->placement = placement;
  (void)os::place_pages(block->address, block->bytes, placement);
}

void unmap_block(const Block& block) noexcept {
  unpoison(block.address, block.bytes);  // or the next mapping at this address would be poisoned
  if (os::unmap_pages(block.address, block.bytes) == 0) counters().returned.add(block.bytes);
}

void keep_resident(Block* block) noexcept {
  // No page is missing as a rule, and then populating is quick for huge pages and touching for
  // small ones. Populating holds the lock of the address space, hence in parts.
  constexpr std::size_t kPartBytes = 64 * MiB;
  for (std::size_t done = 0; done < block->bytes; done += kPartBytes) {
    std::byte* part = block->address + done;
    const std::size_t bytes = std::min(kPartBytes, block->bytes - done);
    if (!block->huge_pages || os::populate_pages(part, bytes) != 0) touch_pages(part, bytes);
  }
  block->lazily_freed = false;
}

bool shrink_block(Block* block, std::size_t bytes) noexcept {
  if (os::shrink_pages(block->address, block->bytes, bytes) != 0) return false;
  counters().returned.add(block->bytes - bytes);
  counters().moved.add(bytes);
  block->bytes = bytes;
  return true;
}

Growth grow_block(Block* block, std::size_t bytes) noexcept {
  const int error = os::grow_pages(block->address, block->bytes, bytes);
  if (error != 0) return error == ENOMEM ? Growth::possible_elsewhere : Growth::impossible;
  counters().moved.add(block->bytes);
  block->bytes = bytes;
  block->content = Content::unknown;
  block->residency = Residency::unknown;  // the last pages are fresh
  return Growth::done;
}

bool move_block(OwnedBlock* from, OwnedBlock* to) noexcept {
  const Block source = from->release();
  const Block target = to->release();
  bool is_lost = false;
  if (os::remap_pages(source.address, source.bytes, target.address, target.bytes, &is_lost) != 0) {
    *from = OwnedBlock(source);
    if (!is_lost) *to = OwnedBlock(target);
    return false;
  }
  counters().moved.add(source.bytes);
  *to = OwnedBlock(target);
  (*to)->huge_pages = source.huge_pages;  // the advice moves with the pages
  (*to)->content = Content::unknown;
  (*to)->residency = Residency::unknown;
  return true;
}

std::size_t next_colour(std::size_t alignment) noexcept {
  static std::atomic<std::size_t> taken{0};
  const std::size_t step = align_up(kColourStepBytes, alignment);
  const std::size_t places = kMaxColour / step;
  return places < 2 ? 0 : taken.fetch_add(1, std::memory_order_relaxed) % places * step;
}

}  // namespace zerofill::blocks
