// Contract: memory in somebody's hands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "alloc/sending.h"
#include "blocks/block.h"
#include "blocks/prefault.h"

namespace zerofill::alloc {

struct Request;

/// Gives shared memory that nobody here uses any more to the attachments, if it was received; to
/// the pool, if this process made it and has it alone and its pages are this process's; else to the
/// system.
void give_back_shared(blocks::OwnedBlock block, const AttachmentKey& key) noexcept;

/// A block of pages in use, whose owner has `bytes()` from `data()` on. When it is destroyed, the
/// block goes to the pool if all its pages are resident, and to the system otherwise. It counts as
/// in use meanwhile.
class Allocation {
 public:
  Allocation() = default;
  Allocation(blocks::PlacedBlock placed, std::size_t bytes,
             std::shared_ptr<blocks::Prefault> prefault = nullptr) noexcept;
  Allocation(Allocation&& other) noexcept
      : block_(std::move(other.block_)),
        prefault_(std::move(other.prefault_)),
        sent_(std::move(other.sent_)),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        key_(other.key_) {}
  Allocation& operator=(Allocation&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(prefault_, other.prefault_);
    std::swap(sent_, other.sent_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(key_, other.key_);
    return *this;
  }
  ~Allocation() { release(); }

  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  const blocks::Block& block() const noexcept { return *block_; }

  /// For clean memory from the pool, of which the system may have taken pages.
  void keep_resident() noexcept;

  /// Says that this is another process's memory, and what of it this process has sent on.
  void set_received(const AttachmentKey& key, std::unique_ptr<Sent> sent) noexcept {
    key_ = key;
    sent_ = std::move(sent);
  }

  /// Says that all of it was written to, so that the system takes no pages.
  void set_written() noexcept { block_->lazily_freed = false; }

  /// Zeroes it by discarding its pages, which are zero again when they are touched: those that are
  /// huge, and what is left at the end is written to. pre: nobody else has them, and the block is
  /// one of huge pages.
  void discard() noexcept;

  /// Notes that a message with a handle to shared memory is on its way.
  /// pre: one thread at a time sends.
  blocks::Ticket send(const Relatives& relatives);

  /// Whether nothing that was sent is on its way.
  bool has_arrived() noexcept;

  /// Notes that a message about this very memory has arrived. False where it was about what the
  /// memory was before.
  bool receive(const blocks::Ticket& ticket) noexcept;

  /// Of shared memory: another one each time that it is handed out.
  std::uint64_t identity() const noexcept;

  /// Gives the memory up now, if there is any.
  void release() noexcept;

 private:
  friend bool resize(Allocation* allocation, const Request& request,
                     bool (*may_move_to)(const std::byte* data)) noexcept;

  /// Ends what makes its pages.
  void end_prefault() noexcept;
  void release_shared() noexcept;

  blocks::OwnedBlock block_;
  std::shared_ptr<blocks::Prefault> prefault_;  ///< what makes its pages meanwhile, or null
  std::unique_ptr<Sent> sent_;                  ///< null where nothing was sent
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  /// As it was received: others can write to the page that says the same.
  AttachmentKey key_{0, 0, Origin::made};
};

}  // namespace zerofill::alloc
