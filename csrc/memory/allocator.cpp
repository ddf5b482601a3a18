#include "memory/allocator.h"

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "base/checked.h"
#include "memory/audit.h"
#include "memory/fill.h"
#include "memory/habits.h"
#include "memory/plan.h"
#include "memory/spans.h"
#include "os/fork.h"
#include "os/pages.h"

namespace zerofill::memory {
namespace {

/// Goes up with every fork, on both sides of it: pages from before are shared until they are
/// written to.
std::atomic<unsigned> generation{0};

void begin_generation() noexcept { generation.fetch_add(1); }

[[maybe_unused]] const int kForkHooks = os::on_fork(nullptr, &begin_generation, &begin_generation);

/// What the mapping of a fresh block must hold: whole pages, the stagger before the payload
/// counted.
std::size_t mapping_bytes(std::size_t bytes, std::size_t stagger) {
  std::size_t end;
  if (!checked_add(bytes, stagger + os::page_bytes() - 1, &end)) throw OutOfMemory(ENOMEM);
  return align_down(end, os::page_bytes());
}

Block map_fresh(const Request& request, std::size_t stagger) {
  Block block;
  block.payload_bytes = request.bytes;
  block.bytes = mapping_bytes(request.bytes, stagger);
  const std::size_t huge = os::huge_page_bytes();
  const bool wants_huge = huge != 0 && block.bytes >= huge;
  const std::size_t unit = block.bytes >= kBlockUnit ? kBlockUnit : os::page_bytes();
  const std::size_t alignment = std::max({request.alignment, unit, wants_huge ? huge : unit});
  void* address = nullptr;
  const int error = os::map_pages(block.bytes, alignment, "zerofill", &address);
  if (error != 0) throw OutOfMemory(error);
  block.address = static_cast<std::byte*>(address);
  block.stagger = stagger;
  block.payload = block.address + stagger;
  block.content = Content::zero;
  block.generation = generation.load(std::memory_order_relaxed);
  if (wants_huge && request.commit == Commit::lazy) {
    // A sparsely written array must not become resident 2 MiB at a time.
    (void)os::advise_small_pages(address, block.bytes);
  } else {
    block.huge_pages = wants_huge && os::advise_huge_pages(address, block.bytes) == 0;
  }
  return block;
}

void give_to_system(const Block& block) noexcept {
  block.span != nullptr ? put_into_span(block) : unmap_block(block);
}

Block make_lazy(const Request& request) {
  const auto slot = take_from_span(request.bytes, request.alignment);
  Block block = slot ? *slot : map_fresh(request, next_stagger(request.alignment));
  block.residency = Residency::some;  // its owner will touch it
  return block;
}

/// Its owner will touch the pages without asking whether there is memory for them: what is only
/// kept must not stand in the way.
void make_room_for(std::size_t bytes) noexcept {
  if (pool_sizes().bytes() != 0 && !would_fit(bytes)) trim();
}

Block make_on_use(const Request& request) {
  make_room_for(request.bytes);
  Block block = map_fresh(request, next_stagger(request.alignment));
  block.residency = Residency::unknown;
  block.content = request.content;  // its pages are zero anyway, but who gets it need not know
  return block;
}

/// `at_least_bytes` of memory are known to be free.
Block make_eager(const Request& request, const team::Poll& poll, std::size_t at_least_bytes) {
  const std::size_t stagger = next_stagger(request.alignment);
  Reservation reservation(mapping_bytes(request.bytes, stagger), at_least_bytes);
  Block block = map_fresh(request, stagger);
  try {
    make_resident(&block, &reservation, poll);
  } catch (...) {
    give_to_system(block);
    throw;
  }
  return block;
}

Block make_block(const Request& request, const team::Poll& poll, std::size_t at_least_bytes) {
  switch (request.commit) {
    case Commit::lazy:
      return make_lazy(request);
    case Commit::on_use:
      return make_on_use(request);
    case Commit::eager:
      break;
  }
  return make_eager(request, poll, at_least_bytes);
}

Block make_fresh(const Request& request, const team::Poll& poll, std::size_t at_least_bytes) {
  const Block block = make_block(request, poll, at_least_bytes);
  count_in_use(static_cast<std::ptrdiff_t>(block.bytes));
  counters().misses.add(1);
  if (request.content == Content::zero) counters().skipped.add(request.bytes);
  return block;
}

/// Fresh pages are zero for nothing until they are touched. A dirty block is better where they
/// will be.
Preference preference_for(const Request& request) noexcept {
  if (request.content == Content::unknown) return Preference::dirty;
  const bool will_be_touched =
      request.commit == Commit::eager ||
      (request.commit == Commit::on_use &&
       (request.bytes <= kAlwaysReusedBytes || zeros_were_filled_lately(request.bytes)));
  return will_be_touched ? Preference::clean : Preference::only_clean;
}

/// Whether all pages of the payload are resident and this process's own. After a fork they are
/// another's too, until somebody writes to them.
bool is_all_there(const Block& block, unsigned now) noexcept {
  const bool is_ours = block.generation == now;
  if (block.residency == Residency::all && is_ours) return true;
  if (block.residency == Residency::some) return false;
  const std::size_t page = os::page_bytes();
  const auto start = static_cast<std::size_t>(block.payload - block.address);
  const std::size_t first = align_down(start, page);
  const std::size_t last = align_up(start + block.payload_bytes, page);
  const bool filled = os::are_written(block.address + first, last - first);
  if (block.content == Content::zero && is_ours) note_use_of_zeros(block.payload_bytes, filled);
  return filled;
}

/// Whatever it held, its owner may have written to it.
void give_to_pool(Block block) noexcept {
  block.content = Content::unknown;
  block.residency = Residency::all;
  put_into_pool(block);
}

bool is_known_to_be_zero(const Block& block, const Request& request, const team::Poll& poll) {
  if (block.content != Content::zero) return false;
  return !options().audit.load(std::memory_order_relaxed) ||
         passes_audit(block.payload, request.bytes, poll);
}

/// Zeroes what a kept block lacks for a request.
Block make_fit(Block block, const Request& request, const team::Poll& poll) {
  block.payload_bytes = request.bytes;
  if (request.content == Content::unknown) {
    (block.content == Content::zero ? counters().clean_hits : counters().dirty_hits).add(1);
    return block;
  }
  try {
    if (is_known_to_be_zero(block, request, poll)) {
      counters().clean_hits.add(1);
      counters().skipped.add(request.bytes);
      return block;
    }
    zero(block.payload, request.bytes, poll);
  } catch (...) {
    give_to_pool(block);
    throw;
  }
  counters().dirty_hits.add(1);
  return block;
}

void count_resized(std::ptrdiff_t gained_bytes, std::size_t stayed_bytes) noexcept {
  count_in_use(gained_bytes);
  counters().moved.add(stayed_bytes);
}

/// Its last pages are fresh, and the first hold what their owner wrote.
void let_go_of_knowledge(Block* block) noexcept {
  block->content = Content::unknown;
  block->residency = Residency::unknown;
}

/// attempt(at_least_bytes), and once more, without what is kept, where memory is short.
template <typename Attempt>
auto with_room(Attempt attempt) {
  std::size_t free_bytes = 0;
  try {
    return attempt(free_bytes);
  } catch (const OutOfMemory& error) {
    free_bytes = error.available_bytes() + trim();
  }
  return attempt(free_bytes);
}

}  // namespace

// Where do these zeros come from, is anything left to do, do it.
Block acquire(const Request& request, const team::Poll& poll) {
  const auto kept = take_from_pool({request.bytes, request.alignment, preference_for(request)});
  if (kept) return make_fit(*kept, request, poll);
  return with_room([&](std::size_t bytes) { return make_fresh(request, poll, bytes); });
}

void release(Block block) noexcept {
  // Before its pages are looked at: another thread may fork at any time.
  const unsigned now = generation.load(std::memory_order_relaxed);
  if (is_all_there(block, now)) {
    block.generation = now;
    return give_to_pool(block);
  }
  // Zeroing it would make the pages resident that its owner never touched.
  give_to_system(block);
  count_in_use(-static_cast<std::ptrdiff_t>(block.bytes));
}

bool shrink(Block* block, std::size_t bytes) noexcept {
  const auto start = static_cast<std::size_t>(block->payload - block->address);
  const std::size_t shorter = align_up(start + bytes, os::page_bytes());
  if (os::shrink_pages(block->address, block->bytes, shorter) != 0) return false;
  const std::size_t gone = block->bytes - shorter;
  count_resized(-static_cast<std::ptrdiff_t>(gone), shorter);
  counters().returned.add(gone);
  block->bytes = shorter;
  block->payload_bytes = bytes;
  return true;
}

Growth grow(Block* block, std::size_t bytes) noexcept {
  std::size_t longer;
  try {
    longer = mapping_bytes(bytes, static_cast<std::size_t>(block->payload - block->address));
  } catch (const OutOfMemory&) {
    return Growth::impossible;
  }
  make_room_for(longer - block->bytes);
  const int error = os::grow_pages(block->address, block->bytes, longer);
  if (error != 0) return error == ENOMEM ? Growth::possible_elsewhere : Growth::impossible;
  count_resized(static_cast<std::ptrdiff_t>(longer - block->bytes), block->bytes);
  block->bytes = longer;
  block->payload_bytes = bytes;
  let_go_of_knowledge(block);
  return Growth::done;
}

std::optional<Block> place_to_grow(const Block& block, const Request& request) noexcept {
  // The payload stays as far from the start, which has to suit its alignment there too.
  const bool is_movable =
      block.payload == block.address + block.stagger && block.stagger % request.alignment == 0;
  if (!is_movable) return std::nullopt;
  try {
    return map_fresh(request, block.stagger);
  } catch (const OutOfMemory&) {
    return std::nullopt;
  }
}

bool move_into(Block* place, const Block& block) noexcept {
  if (os::move_pages(block.address, block.bytes, place->address, place->bytes) != 0) return false;
  count_resized(static_cast<std::ptrdiff_t>(place->bytes - block.bytes), block.bytes);
  place->huge_pages = block.huge_pages;  // the advice moves with the pages
  let_go_of_knowledge(place);
  return true;
}

void abandon(const Block& place) noexcept { (void)os::unmap_pages(place.address, place.bytes); }

void reserve(std::size_t bytes, std::optional<Reservation>* reservation) {
  with_room([&](std::size_t free_bytes) { reservation->emplace(bytes, free_bytes); });
}

std::size_t trim() noexcept {
  trim_spans();  // only addresses
  return trim_pool();
}

}  // namespace zerofill::memory
