#include "memory/allocator.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/checked.h"
#include "os/pages.h"

namespace zerofill::memory {
namespace {

/// The size of the mapping behind a request: whole pages, and whole huge pages where rounding up
/// wastes at most an eighth.
std::size_t mapping_bytes(std::size_t bytes) {
  const std::size_t huge = os::huge_page_bytes();
  const std::size_t unit = huge != 0 && bytes >= 8 * huge ? huge : os::page_bytes();
  std::size_t padded;
  if (!checked_add(bytes, unit - 1, &padded)) throw OutOfMemory(bytes, ENOMEM);
  return align_down(padded, unit);
}

Block map_fresh(const Request& request) {
  Block block;
  block.bytes = mapping_bytes(request.bytes);
  const std::size_t huge = os::huge_page_bytes();
  const bool wants_huge = huge != 0 && block.bytes >= huge;
  const std::size_t alignment = std::max(request.alignment, wants_huge ? huge : os::page_bytes());
  void* address = nullptr;
  const int error = os::map_pages(block.bytes, alignment, "zerofill", &address);
  if (error != 0) throw OutOfMemory(request.bytes, error);
  block.address = static_cast<std::byte*>(address);
  block.content = Content::zero;
  block.residency = Residency::none;
  // A sparsely written array must not become resident 2 MiB at a time.
  block.huge_pages = wants_huge && request.commit == Commit::eager &&
                     os::advise_huge_pages(address, block.bytes) == 0;
  counters().misses.add(1);
  return block;
}

}  // namespace

// Where do these zeros come from, is anything left to do, do it.
Block acquire(const Request& request, const team::Poll& poll) {
  std::optional<Reservation> reservation;
  if (request.commit == Commit::eager) reservation.emplace(mapping_bytes(request.bytes));
  Block block = map_fresh(request);
  try {
    if (request.commit == Commit::eager) make_resident(&block, &*reservation, poll);
  } catch (...) {
    release(block);
    throw;
  }
  counters().skipped.add(request.bytes);
  return block;
}

void release(const Block& block) noexcept {
  // Unmapping can fail only where the system cannot split a mapping, and this is a whole one.
  if (os::unmap_pages(block.address, block.bytes) == 0) counters().returned.add(block.bytes);
}

std::size_t trim() noexcept { return 0; }

}  // namespace zerofill::memory
