// Contract: what the processes that have a shared block tell each other, in a page of it.
//
// A message with a handle to the block is on its way until somebody receives it, and meanwhile the
// sender keeps the memory. So each message has a slot here, which the receiver marks. Nothing here
// is trusted further than that: the page can hold anything, because every holder can write to it.
#pragma once

#include <atomic>
#include <cstdint>

namespace zerofill::blocks {

/// What a message carries.
struct Ticket {
  std::uint64_t identity;  ///< of the memory: another one each time that it is handed out
  std::uint64_t number;    ///< of the message
  std::uint32_t slot;
};

/// Pages of a new block are zero, which is a control page in which nothing was sent.
class SharedControl {
 public:
  /// Begins another life of the memory, of which nothing was sent.
  void begin() noexcept;

  /// 0 for memory that nothing was sent of, for as long as nobody uses it.
  void set_identity(std::uint64_t identity) noexcept { identity_.store(identity); }

  std::uint64_t identity() const noexcept { return identity_.load(std::memory_order_acquire); }

  /// Says that this process has no use for it any more, which counts if it has made it: the child
  /// of a fork has it too.
  void drop() noexcept;
  /// Whether the process that has made it has no use for it any more.
  bool is_dropped() const noexcept { return maker_.load(std::memory_order_acquire) == 0; }

  /// Notes that a message is on its way.
  Ticket send() noexcept;

  /// Says that it has arrived: after the receiver has a handle of its own. Saying so twice, as
  /// where a message is read twice, is saying it once.
  void receive(const Ticket& ticket) noexcept;

  /// Whether a message of this process has arrived; if so, its slot is free again.
  bool collect(const Ticket& ticket) noexcept;

 private:
  // A slot is (number << 2) | state. More messages than slots share two numbers.
  static constexpr std::uint64_t kFree = 0;
  static constexpr std::uint64_t kSent = 1;
  static constexpr std::uint64_t kReceived = 2;
  static constexpr std::uint32_t kSlots = 500;
  static constexpr std::uint32_t kNoSlot = kSlots;

  std::atomic<std::uint64_t> identity_;
  std::atomic<std::uint64_t> maker_;  ///< a process; 0 when that has dropped it
  std::atomic<std::uint64_t> last_number_;
  std::atomic<std::uint64_t> sent_without_slot_;
  std::atomic<std::uint64_t> received_without_slot_;
  std::atomic<std::uint64_t> slots_[kSlots];
};

static_assert(sizeof(SharedControl) <= 4096, "a page must hold it");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "processes share it");

}  // namespace zerofill::blocks
