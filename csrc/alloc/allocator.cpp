#include "alloc/allocator.h"

#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "alloc/fork.h"
#include "alloc/renewal.h"
#include "alloc/room.h"
#include "base/options.h"
#include "blocks/first_touch.h"
#include "blocks/mapping.h"
#include "blocks/pool.h"
#include "blocks/prefault.h"
#include "blocks/shared_block.h"
#include "blocks/slabs.h"
#include "blocks/touch_history.h"
#include "heap/heap.h"
#include "os/heap.h"
#include "os/pages.h"
#include "zeroing/audit.h"
#include "zeroing/zero_range.h"

namespace zerofill::alloc {
namespace {

using blocks::Content;
using blocks::ContentPreference;
using blocks::OwnedBlock;
using blocks::PageSize;
using blocks::PlacedBlock;
using blocks::Residency;

// As the library is loaded. Every program that allocates has this file.
[[maybe_unused]] const int kForkHandlers = register_fork_handlers();

/// Lazy zeros of up to this size come out of dirty blocks too, as they do from the C library, which
/// keeps resident what is smaller (the maximum of M_MMAP_THRESHOLD, mallopt(3)).
constexpr std::size_t kAlwaysReusedBytes = 32 * MiB;

PlacedBlock place_at_colour(OwnedBlock block) noexcept {
  std::byte* payload = block->address + block->colour;
  return {std::move(block), payload};
}

PlacedBlock map_for(const Request& request, PageSize pages) {
  const std::size_t colour = blocks::next_colour(request.alignment);
  return place_at_colour(
      blocks::map_block(request.bytes, request.alignment, colour, pages, request.placement));
}

PlacedBlock make_sparse(const Request& request) {
  // Those who touch a page of a slab have it on their node, by their own policy.
  const bool needs_its_own = is_elsewhere(request.where);
  auto slot =
      needs_its_own ? std::nullopt : blocks::take_from_slab(request.bytes, request.alignment);
  PlacedBlock made = slot ? std::move(*slot) : map_for(request, PageSize::small);
  made.block->residency = Residency::some;  // its owner will touch it
  return made;
}

PlacedBlock make_dense(const Request& request) {
  make_room_for(request.bytes, request.placement);
  PlacedBlock made = map_for(request, PageSize::huge);
  made.block->residency = Residency::unknown;
  // Fresh pages are zero in any case. Who did not ask for zeros says nothing about who does.
  made.block->content = request.content;
  return made;
}

PlacedBlock make_eager(const Request& request, const team::Poll& poll) {
  const std::size_t colour = blocks::next_colour(request.alignment);
  blocks::Reservation reservation(blocks::block_bytes(request.bytes, colour), request.placement);
  OwnedBlock block = blocks::map_block(request.bytes, request.alignment, colour, PageSize::huge,
                                       request.placement);
  blocks::make_resident(&*block, &reservation, poll);
  return place_at_colour(std::move(block));
}

/// Below, eager memory is there before a thread has started.
constexpr std::size_t kBackgroundBytes = 32 * MiB;

/// Where no other CPU would make the pages, the caller has to.
Commit commit_for(const Request& request) noexcept {
  if (request.shared) {
    const bool lazy = request.commit == Commit::lazy && os::can_shared_be_lazy();
    return lazy ? Commit::lazy : Commit::eager;
  }
  if (request.commit != Commit::background) return request.commit;
  const bool pays = request.bytes >= kBackgroundBytes && team::max_threads() > 1;
  return pays ? Commit::background : Commit::eager;
}

class BackgroundCommit final : public blocks::Prefault {
 public:
  using Prefault::Prefault;

 private:
  void end(const blocks::Block&, bool) noexcept override {}
};

Allocation make_in_background(const Request& request) try {
  auto prefault = std::make_shared<BackgroundCommit>(
      blocks::block_bytes(request.bytes, blocks::kMaxColour), request.placement);
  PlacedBlock made = map_for(request, PageSize::huge);
  made.block->residency = Residency::unknown;
  prefault->give(*made.block, blocks::Users::some);
  blocks::Prefault::start(prefault, team::max_threads() - 1);
  return {std::move(made), request.bytes, std::move(prefault)};
} catch (const OutOfMemory&) {
  throw;
} catch (const std::bad_alloc&) {  // of what is beside the pages
  throw OutOfMemory(ENOMEM);
}

/// There must be room for all of it even if it is lazy: nothing else keeps a page fault from
/// killing the process.
PlacedBlock make_shared(const Request& request, const team::Poll& poll) {
  blocks::Reservation reservation(blocks::shared_block_bytes(request.bytes), request.placement);
  OwnedBlock block =
      blocks::create_shared_block(request.bytes, request.alignment, request.placement);
  if (commit_for(request) == Commit::eager) {
    blocks::make_resident(&*block, &reservation, poll);
  } else {
    block->residency = Residency::some;  // its owner will touch it
  }
  return place_at_colour(std::move(block));
}

PlacedBlock make_lazy(const Request& request) {
  return request.touch == Touch::dense ? make_dense(request) : make_sparse(request);
}

Allocation make(const Request& request, const team::Poll& poll) {
  if (request.shared) return {make_shared(request, poll), request.bytes};
  switch (commit_for(request)) {
    case Commit::eager:
      return {make_eager(request, poll), request.bytes};
    case Commit::background:
      return make_in_background(request);
    case Commit::lazy:
      break;
  }
  return {make_lazy(request), request.bytes};
}

Allocation make_fresh(const Request& request, const team::Poll& poll) {
  Allocation fresh = make(request, poll);
  counters().misses.add(1);
  if (request.content == Content::zero) counters().skipped.add(request.bytes);
  return fresh;
}

/// Fresh pages cost nothing until they are touched, so a dirty block is better only where the pages
/// will be.
ContentPreference preference_for(const Request& request) noexcept {
  if (request.content == Content::unknown) return ContentPreference::dirty;
  const bool will_be_touched = request.commit != Commit::lazy ||
                               (request.touch == Touch::dense &&
                                (request.bytes <= kAlwaysReusedBytes ||
                                 blocks::touch_history::predicts_full_touch(request.bytes)));
  return will_be_touched ? ContentPreference::clean : ContentPreference::only_clean;
}

/// Room for the pages that the system has taken of a pooled block, if a request needs them. Throws
/// OutOfMemory where there is none.
blocks::Reservation reserve_missing(const blocks::Block& block, const Request& request) {
  const bool needs_pages = request.content == Content::zero &&
                           (request.commit != Commit::lazy || block.content == Content::unknown);
  if (!block.lazily_freed || !needs_pages) return blocks::Reservation();
  const std::size_t missing = os::missing_bytes(block.address, block.bytes);
  return missing == 0 ? blocks::Reservation() : blocks::Reservation(missing, block.placement);
}

/// Whether nothing has to be written. Under the option audit that is looked at.
bool verify_clean(const Allocation& reused, const team::Poll& poll) {
  if (reused.block().content != Content::zero) return false;
  return !options().audit.load(std::memory_order_relaxed) ||
         zeroing::verify_zero(reused.data(), reused.bytes(), poll);
}

/// Zeroes what a block from the pool lacks for a request. When that is interrupted, the block goes
/// back there.
Allocation reuse(PlacedBlock pooled, const Request& request, const team::Poll& poll) {
  Allocation reused(std::move(pooled), request.bytes);
  if (request.content == Content::unknown) {
    const bool is_clean = reused.block().content == Content::zero;
    (is_clean ? counters().clean_hits : counters().dirty_hits).add(1);
  } else if (verify_clean(reused, poll)) {
    if (request.commit != Commit::lazy) reused.keep_resident();
    counters().clean_hits.add(1);
    counters().skipped.add(request.bytes);
  } else if (renew(&reused, request)) {
    counters().dirty_hits.add(1);
    counters().skipped.add(request.bytes);
  } else {
    // Other processes will see all of a shared block.
    const std::size_t visible =
        request.shared ? blocks::most_payload_bytes(reused.block()) : request.bytes;
    zeroing::zero_range(reused.data(), visible, poll);
    reused.set_written();
    counters().dirty_hits.add(1);
  }
  return reused;
}

// Where do these zeros come from, is anything left to do, do it.
Allocation acquire_zeros(const Request& request, const team::Poll& poll) {
  auto pooled = blocks::take_from_pool({request.bytes, request.alignment, preference_for(request),
                                        request.shared, request.placement});
  try {
    if (pooled) {
      const blocks::Reservation reservation = reserve_missing(*pooled->block, request);
      return reuse(std::move(*pooled), request, poll);
    }
  } catch (const OutOfMemory&) {
    pooled.reset();  // what the system has left of it is returned, and the rest decides
  }
  return with_room([&] { return make_fresh(request, poll); });
}

AttachmentKey key_of(const Received& received) noexcept {
  return {received.ticket.identity, received.bytes,
          received.writable ? Origin::received : Origin::received_read_only};
}

Allocation hand_out(OwnedBlock block, const Received& received, std::unique_ptr<Sent> sent) {
  Allocation allocation(place_at_colour(std::move(block)), received.bytes);
  allocation.set_received(key_of(received), std::move(sent));
  return allocation;
}

}  // namespace

Allocation acquire(const Request& request, const team::Poll& poll) {
  Request placed = request;
  placed.placement = placement_of(request.where);
  Allocation made = acquire_zeros(placed, poll);
  if (request.shared) blocks::control_of(made.block()).begin();
  return made;
}

Allocation receive(const Received& received) {
  OwnedBlock block = blocks::attach_shared_block(received.handle, received.bytes,
                                                 received.alignment, received.ticket.identity);
  if (block->address == nullptr) return {};
  blocks::control_of(*block).receive(received.ticket);
  if (!received.writable && !blocks::protect_payload(*block)) throw OutOfMemory(ENOMEM);
  return hand_out(std::move(block), received, nullptr);
}

Allocation receive_from_kept(const Received& received) noexcept {
  const AttachmentKey key = key_of(received);
  Kept kept;
  kept.block = take_attachment(key, received.alignment);
  if (kept.block->address == nullptr) kept = take_kept(key, received.alignment);
  if (kept.block->address == nullptr) return {};
  blocks::control_of(*kept.block).receive(received.ticket);
  return hand_out(std::move(kept.block), received, std::move(kept.sent));
}

blocks::Reservation reserve_budget(std::size_t bytes) {
  return with_room([&] { return blocks::Reservation(bytes); });
}

bool is_lazy_possible(std::size_t bytes) noexcept try {
  // Not as a block: to unpoison terabytes takes for ever under AddressSanitizer.
  const std::size_t mapped = blocks::block_bytes(bytes, 0);
  void* address = nullptr;
  return os::map_pages(mapped, 1, "zerofill", &address, os::Reserve::no) == 0 &&
         os::unmap_pages(address, mapped) == 0;
} catch (const OutOfMemory&) {
  return false;
}

std::size_t trim() noexcept {
  os::trim_heap();
  give_up_received();
  return heap::trim() + trim_blocks();
}

void apply_options() noexcept {
  heap::apply_options();
  blocks::apply_options_to_pool();
}

Stats stats() noexcept {
  const blocks::PoolSizes pooled = blocks::pool_sizes();
  const heap::Sizes small = heap::sizes();
  return {pooled.clean_bytes, pooled.dirty_bytes, pooled.reserved_bytes,
          kept_bytes(),       small.used_bytes,   small.idle_bytes,
          counters()};
}

}  // namespace zerofill::alloc
