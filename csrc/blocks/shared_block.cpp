#include "blocks/shared_block.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/align.h"
#include "base/checked.h"
#include "base/counters.h"
#include "base/errors.h"
#include "base/poison.h"
#include "blocks/fork_epoch.h"
#include "blocks/huge_page_watch.h"
#include "blocks/mapping.h"
#include "os/pages.h"

namespace zerofill::blocks {
namespace {

[[noreturn]] void refuse(int error) {
  constexpr const char* kSize = "a file's largest size in this process, RLIMIT_FSIZE";
  if (error == EFBIG) throw OutOfMemory(os::largest_shared_bytes(), kSize);
  if (error == EMFILE) {
    char text[200];
    std::snprintf(text, sizeof text,
                  "shared memory has a file descriptor each, and this process has as many as it "
                  "may, %zu (RLIMIT_NOFILE): drop arrays, or raise the limit",
                  os::most_handles());
    throw OutOfMemory(text);
  }
  throw OutOfMemory(error);
}

/// What becomes the block's as soon as it is mapped.
class OpenHandle {
 public:
  explicit OpenHandle(os::SharedHandle handle) noexcept : handle_(handle) {}
  ~OpenHandle() {
    if (handle_ != os::kNoSharedHandle) os::close_shared(handle_);
  }
  OpenHandle(const OpenHandle&) = delete;
  OpenHandle& operator=(const OpenHandle&) = delete;
  os::SharedHandle get() const noexcept { return handle_; }
  os::SharedHandle release() noexcept { return std::exchange(handle_, os::kNoSharedHandle); }

 private:
  os::SharedHandle handle_;
};

bool may_hold_huge_pages(std::size_t bytes) noexcept {
  const std::size_t huge = os::huge_page_bytes();
  return os::has_shared_huge_pages() && huge != 0 && bytes >= huge;
}

OwnedBlock map(OpenHandle* handle, std::size_t bytes, std::size_t alignment) {
  const bool may_be_huge = may_hold_huge_pages(bytes);
  if (may_be_huge) alignment = std::max(alignment, os::huge_page_bytes());
  void* address = nullptr;
  const int error = os::map_shared(handle->get(), bytes, alignment, &address);
  if (error != 0) refuse(error);
  Block block;
  block.address = static_cast<std::byte*>(address);
  block.bytes = bytes;
  block.fork_epoch = fork_epoch();
  block.shared = handle->release();
  block.huge_pages = may_be_huge && os::are_shared_faults_huge() && should_ask_for_huge_pages() &&
                     os::advise_huge_pages(address, bytes) == 0;
  return OwnedBlock(block);
}

}  // namespace

std::size_t shared_block_bytes(std::size_t payload_bytes) {
  std::size_t end;
  if (!checked_add(payload_bytes, 2 * os::page_bytes() - 1, &end)) throw OutOfMemory(ENOMEM);
  return align_down(end, os::page_bytes());
}

OwnedBlock create_shared_block(std::size_t payload_bytes, std::size_t alignment,
                               const os::Placement& placement) {
  const std::size_t bytes = shared_block_bytes(payload_bytes);
  os::SharedHandle created = os::kNoSharedHandle;
  const int error = os::create_shared(bytes, "zerofill", &created);
  if (error != 0) refuse(error);
  OpenHandle handle(created);
  OwnedBlock block = map(&handle, bytes, alignment);
  place_block(&*block, placement);
  block->content = Content::zero;
  return block;
}

OwnedBlock attach_shared_block(os::SharedHandle handle, std::size_t payload_bytes,
                               std::size_t alignment, std::uint64_t identity) {
  OpenHandle owned(handle);
  std::size_t bytes = 0;
  const std::size_t needed = shared_block_bytes(payload_bytes);
  if (os::find_shared_bytes(handle, &bytes) != 0 || bytes < needed || bytes % os::page_bytes() != 0)
    return OwnedBlock();
  OwnedBlock block = map(&owned, bytes, alignment);
  block->residency = Residency::some;  // nobody knows, and it is never pooled here
  return identity != 0 && control_of(*block).identity() == identity ? std::move(block)
                                                                    : OwnedBlock();
}

std::size_t most_payload_bytes(const Block& block) noexcept {
  return block.bytes - os::page_bytes();
}

// Collapsed pages lie on the node of their first one. Where pages take turns, the first one of each
// huge page would have the same turn.
bool may_collapse(const Block& block) noexcept {
  return block.is_shared() && os::can_collapse_shared() && may_hold_huge_pages(block.bytes) &&
         !os::is_interleaved(block.placement);
}

bool protect_payload(const Block& block) noexcept {
  return os::protect_shared(block.address, most_payload_bytes(block)) == 0;
}

SharedControl& control_of(const Block& block) noexcept {
  return *reinterpret_cast<SharedControl*>(block.address + most_payload_bytes(block));
}

void unmap_shared_block(const Block& block) noexcept {
  unpoison(block.address, block.bytes);  // or the next mapping at this address would be poisoned
  if (os::unmap_shared(block.address, block.bytes) == 0) counters().returned.add(block.bytes);
  os::close_shared(block.shared);
}

}  // namespace zerofill::blocks
