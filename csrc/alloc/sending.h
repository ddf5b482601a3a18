// Contract: shared memory on its way to other processes.
//
// A message carries a handle, and whoever receives it opens the memory through the process that
// sent it. So that process keeps memory that its owner has dropped until the messages have arrived,
// or until there is no process left that could receive them.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "alloc/attachments.h"
#include "blocks/block.h"
#include "blocks/shared_control.h"

namespace zerofill::alloc {

/// Who may receive what this process sends, beside the processes that it starts; 0 for none.
struct Relatives {
  int parent = 0;   ///< by the system
  int creator = 0;  ///< by multiprocessing, whose fork server may be the parent
  int starter = 0;  ///< the fork server of this process, whose children are this one's
  int tracker = 0;  ///< multiprocessing's resource tracker, which receives nothing
};

/// The messages about one piece of memory that this process has sent. Any thread may call.
class Sent {
 public:
  blocks::Ticket send(blocks::SharedControl* control, const Relatives& relatives);

  /// Whether none of them is on its way.
  bool have_arrived(blocks::SharedControl* control) noexcept;

 private:
  void drop_arrived(blocks::SharedControl* control) noexcept;
  void forget_those_of_parent() noexcept;

  std::mutex mutex_;
  std::vector<blocks::Ticket> tickets_;  ///< of those that were not found to have arrived
  int sender_ = 0;                       ///< this process
};

/// What is kept for messages that are on their way.
struct Kept {
  blocks::OwnedBlock block;
  std::unique_ptr<Sent> sent;
  AttachmentKey key;
};

/// Keeps a block until its messages have arrived, and then gives it to the pool or the system.
/// Where there is no memory to keep it by, it goes to the system, and the messages are in vain.
void keep_until_received(Kept kept) noexcept;

/// Another process's memory that is kept so, for who has received it again; without a block where
/// none is.
Kept take_kept(const AttachmentKey& key, std::size_t alignment) noexcept;

/// Gives up what need not be kept any more; the background thread calls it too.
void give_up_received() noexcept;

/// Bytes of memory that is kept so.
std::size_t kept_bytes() noexcept;

// For alloc/fork.cpp.
void lock_sending_before_fork() noexcept;
void unlock_sending_in_parent() noexcept;
void unlock_sending_in_child() noexcept;  // where nothing is kept: the messages are the parent's

}  // namespace zerofill::alloc
