// Contract: memory made resident ahead of time, in the background, for arrays that are made later.
//
// Every function may be called from any thread, without the GIL.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "blocks/block.h"
#include "blocks/prefault.h"

namespace zerofill::alloc {

/// A block on its way into the pool. Threads of low priority make its pages; when all are there,
/// the pool cuts it up for whoever needs memory. One that is cancelled returns it to the system.
class Reserve final : public blocks::Prefault {
 public:
  /// pre: whole units, as the pool wants it. Throws OutOfMemory when it does not fit.
  Reserve(std::size_t bytes, const os::Placement& placement);

  bool is_cancelled() const noexcept { return has_ended() && !is_finished(); }

 private:
  void end(const blocks::Block& made, bool whole) noexcept override;

  blocks::OwnedBlock block_;
};

/// Begins to make so much memory, and somewhat more for the alignment of arrays. Where no thread
/// can be started, it is finished on return. Throws OutOfMemory when it does not fit in what the
/// process may still use.
std::shared_ptr<Reserve> start_reserve(std::size_t bytes);

/// Cancels all that is being made in the background, as a process ends: its threads would be at
/// work while what they use is destroyed.
void cancel_all_under_way() noexcept;

}  // namespace zerofill::alloc
