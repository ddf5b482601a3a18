#include "memory/allocator.h"

#include <algorithm>
#include <cerrno>

#include "base/checked.h"
#include "memory/audit.h"
#include "memory/fill.h"
#include "memory/plan.h"
#include "memory/spans.h"
#include "os/pages.h"

namespace zerofill::memory {
namespace {

/// What the mapping of a fresh block must hold: whole pages, the stagger before the payload
/// counted.
std::size_t mapping_bytes(std::size_t bytes, std::size_t stagger) {
  std::size_t end;
  if (!checked_add(bytes, stagger + os::page_bytes() - 1, &end)) throw OutOfMemory(ENOMEM);
  return align_down(end, os::page_bytes());
}

Block map_fresh(const Request& request, std::size_t stagger) {
  Block block;
  block.bytes = mapping_bytes(request.bytes, stagger);
  const std::size_t huge = os::huge_page_bytes();
  const bool wants_huge = huge != 0 && block.bytes >= huge;
  const std::size_t alignment = std::max(request.alignment, wants_huge ? huge : os::page_bytes());
  void* address = nullptr;
  const int error = os::map_pages(block.bytes, alignment, "zerofill", &address);
  if (error != 0) throw OutOfMemory(error);
  block.address = static_cast<std::byte*>(address);
  block.stagger = stagger;
  block.payload = block.address + stagger;
  block.content = Content::zero;
  // A sparsely written array must not become resident 2 MiB at a time.
  block.huge_pages = wants_huge && request.commit == Commit::eager &&
                     os::advise_huge_pages(address, block.bytes) == 0;
  return block;
}

void give_to_system(const Block& block) noexcept {
  if (block.span != nullptr) return put_into_span(block);
  if (os::unmap_pages(block.address, block.bytes) == 0) counters().returned.add(block.bytes);
}

Block make_lazy(const Request& request) {
  const auto slot = take_from_span(request.bytes, request.alignment);
  Block block = slot ? *slot : map_fresh(request, next_stagger(request.alignment));
  block.residency = Residency::some;  // its owner will touch it
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

Block make_fresh(const Request& request, const team::Poll& poll, std::size_t at_least_bytes = 0) {
  const Block block = request.commit == Commit::lazy ? make_lazy(request)
                                                     : make_eager(request, poll, at_least_bytes);
  count_fresh_in_use(static_cast<std::ptrdiff_t>(block.bytes));
  counters().misses.add(1);
  counters().skipped.add(request.bytes);
  return block;
}

/// Whatever it held, its owner may have written to it.
void give_to_pool(Block block) noexcept {
  block.content = Content::unknown;
  put_into_pool(block);
}

bool is_known_to_be_zero(const Block& block, const Request& request, const team::Poll& poll) {
  if (block.content != Content::zero) return false;
  return !options().audit.load(std::memory_order_relaxed) ||
         passes_audit(block.payload, request.bytes, poll);
}

/// Zeroes what a kept block lacks for a request.
Block make_zero(const Block& block, const Request& request, const team::Poll& poll) {
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

}  // namespace

// Where do these zeros come from, is anything left to do, do it.
Block acquire(const Request& request, const team::Poll& poll) {
  const bool lazy = request.commit == Commit::lazy;  // fresh pages are free then, zeroing is not
  const auto kept = take_from_pool({request.bytes, request.alignment, /*only_clean=*/lazy});
  if (kept) return make_zero(*kept, request, poll);
  std::size_t free_bytes = 0;
  try {
    return make_fresh(request, poll);
  } catch (const OutOfMemory& error) {
    free_bytes = error.available_bytes() + trim();
  }
  return make_fresh(request, poll, free_bytes);
}

void release(const Block& block) noexcept {
  if (block.residency == Residency::all) return give_to_pool(block);
  // Zeroing it would make the pages resident that its owner never touched.
  give_to_system(block);
  count_fresh_in_use(-static_cast<std::ptrdiff_t>(block.bytes));
}

std::size_t trim() noexcept {
  trim_spans();  // only addresses
  return trim_pool();
}

}  // namespace zerofill::memory
