#include "alloc/allocation.h"

#include <algorithm>
#include <cstring>

#include "alloc/attachments.h"
#include "base/align.h"
#include "blocks/fork_epoch.h"
#include "blocks/mapping.h"
#include "blocks/pool.h"
#include "blocks/recent_peak.h"
#include "blocks/shared_block.h"
#include "blocks/touch_history.h"
#include "os/pages.h"

namespace zerofill::alloc {
namespace {

using blocks::Content;
using blocks::Residency;

/// Looks at the pages of a payload, where that is not known, and remembers what its owner did.
/// They are all there only if they are this process's own: after a fork they are another's too,
/// until somebody writes to them.
Residency classify_residency(const blocks::Block& block, const std::byte* data, std::size_t bytes,
                             unsigned epoch) noexcept {
  const bool is_ours = block.fork_epoch == epoch;
  if (block.residency == Residency::none || block.residency == Residency::some) {
    return block.residency;
  }
  // On small pages, those in front of the payload were never touched.
  const std::size_t page = os::page_bytes();
  const auto start = static_cast<std::size_t>(data - block.address);
  const std::size_t first = align_down(start, page);
  const std::size_t last = align_up(start + bytes, page);
  if (block.residency == Residency::all && is_ours) {
    const bool may_miss_pages = block.lazily_freed;
    const bool misses =
        may_miss_pages && os::missing_bytes(block.address + first, last - first) != 0;
    return misses ? Residency::some : Residency::all;
  }
  const bool filled = os::are_private_resident(block.address + first, last - first);
  if (block.content == Content::zero && is_ours) blocks::touch_history::record(bytes, filled);
  return filled ? Residency::all : Residency::some;
}

}  // namespace

Allocation::Allocation(blocks::PlacedBlock placed, std::size_t bytes,
                       std::shared_ptr<blocks::Prefault> prefault) noexcept
    : block_(std::move(placed.block)),
      prefault_(std::move(prefault)),
      data_(placed.payload),
      bytes_(bytes) {
  blocks::count_in_use(static_cast<std::ptrdiff_t>(block_->bytes));
}

void Allocation::keep_resident() noexcept {
  if (block_->lazily_freed) blocks::keep_resident(&*block_);
}

void Allocation::discard() noexcept {
  const std::size_t whole = align_down(block_->bytes, os::huge_page_bytes());
  (void)os::discard_pages(block_->address, whole);
  std::byte* tail = std::max(data_, block_->address + whole);
  std::byte* end = data_ + bytes_;
  if (tail < end) std::memset(tail, 0, static_cast<std::size_t>(end - tail));
  block_->content = Content::zero;
  block_->residency = Residency::unknown;
  block_->lazily_freed = false;
}

void Allocation::end_prefault() noexcept {
  prefault_->cancel();
  if (prefault_->is_finished()) block_->residency = Residency::all;
  block_->content = Content::unknown;  // which pages are there says nothing about its owner
  prefault_.reset();
}

blocks::Ticket Allocation::send(const Relatives& relatives) {
  if (sent_ == nullptr) sent_ = std::make_unique<Sent>();
  return sent_->send(&blocks::control_of(*block_), relatives);
}

bool Allocation::has_arrived() noexcept {
  return sent_ == nullptr || sent_->have_arrived(&blocks::control_of(*block_));
}

bool Allocation::receive(const blocks::Ticket& ticket) noexcept {
  blocks::SharedControl& control = blocks::control_of(*block_);
  if (control.identity() != ticket.identity) return false;
  control.receive(ticket);
  return true;
}

std::uint64_t Allocation::identity() const noexcept {
  return blocks::control_of(*block_).identity();
}

void give_back_shared(blocks::OwnedBlock block, const AttachmentKey& key) noexcept {
  if (key.origin != Origin::made) return put_attachment(key, std::move(block));
  if (block->residency != Residency::all || block->fork_epoch != blocks::fork_epoch()) return;
  if (!os::is_only_holder(block->shared)) return;
  // Looked at twice: whoever opens it after the second time finds that it is not what was sent, and
  // who did so in between has it.
  blocks::SharedControl& control = blocks::control_of(*block);
  const std::uint64_t identity = control.identity();
  control.set_identity(0);
  if (!os::is_only_holder(block->shared)) return control.set_identity(identity);
  block->content = Content::unknown;
  blocks::put_into_pool(std::move(block));
}

void Allocation::release_shared() noexcept {
  blocks::OwnedBlock block = std::move(block_);
  blocks::count_in_use(-static_cast<std::ptrdiff_t>(block->bytes));
  data_ = nullptr;
  blocks::SharedControl& control = blocks::control_of(*block);
  bytes_ = 0;
  if (key_.origin == Origin::made) control.drop();
  if (sent_ != nullptr && !sent_->have_arrived(&control)) {
    return keep_until_received({std::move(block), std::move(sent_), key_});
  }
  sent_.reset();
  give_back_shared(std::move(block), key_);
}

void Allocation::release() noexcept {
  if (data_ == nullptr) return;
  if (block_->is_shared()) return release_shared();
  if (prefault_ != nullptr) end_prefault();
  // Read before the pages are looked at, because another thread may fork at any time.
  const unsigned epoch = blocks::fork_epoch();
  blocks::OwnedBlock block = std::move(block_);
  blocks::count_in_use(-static_cast<std::ptrdiff_t>(block->bytes));
  block->residency = classify_residency(*block, data_, bytes_, epoch);
  data_ = nullptr;
  bytes_ = 0;
  // A block of which some pages are resident is not pooled: zeroing it would make the pages
  // resident that its owner never touched.
  if (block->residency != Residency::all) return;
  block->fork_epoch = epoch;
  block->content = Content::unknown;  // its owner may have written to it, whatever it held
  blocks::put_into_pool(std::move(block));
}

}  // namespace zerofill::alloc
