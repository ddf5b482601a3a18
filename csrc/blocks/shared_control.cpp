#include "blocks/shared_control.h"

#include <random>

#include "base/clock.h"
#include "os/relatives.h"

namespace zerofill::blocks {
namespace {

/// A random number of this process's: at load time, because it takes 50 us in a virtual machine.
// NOLINTNEXTLINE(bugprone-throwing-static-initialization): the lambda is noexcept
const std::uint64_t kSeed = []() noexcept {
  try {
    std::random_device source;
    return std::uint64_t{source()} << 32 | source();
  } catch (...) {
    return std::uint64_t{0};  // the processes' numbers remain
  }
}();

/// The output function of SplitMix64 (Steele, Lea, Flood 2014), which is one-to-one.
std::uint64_t mix(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

/// Another one each time. The children of a fork have the same seed and count, and two of them may
/// have had the same number, but not at the same time. Never 0.
std::uint64_t new_identity() noexcept {
  static std::atomic<std::uint64_t> made{0};
  const auto process = static_cast<std::uint64_t>(os::this_process());
  const auto now = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
  const std::uint64_t identity = mix(kSeed ^ mix(now ^ mix(process << 40 ^ made.fetch_add(1))));
  return identity != 0 ? identity : 1;
}

}  // namespace

void SharedControl::begin() noexcept {
  maker_.store(static_cast<std::uint64_t>(os::this_process()), std::memory_order_relaxed);
  identity_.store(new_identity(), std::memory_order_release);
  sent_without_slot_.store(0, std::memory_order_relaxed);
  received_without_slot_.store(0, std::memory_order_relaxed);
}

void SharedControl::drop() noexcept {
  auto mine = static_cast<std::uint64_t>(os::this_process());
  maker_.compare_exchange_strong(mine, 0);
}

Ticket SharedControl::send() noexcept {
  const std::uint64_t number = last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
  const std::uint64_t identity = identity_.load(std::memory_order_relaxed);
  for (std::uint32_t tries = 0; tries < kSlots; ++tries) {
    const auto slot = static_cast<std::uint32_t>((number + tries) % kSlots);
    std::uint64_t found = slots_[slot].load(std::memory_order_relaxed);
    if ((found & 3) == kFree && slots_[slot].compare_exchange_strong(found, number << 2 | kSent)) {
      return {identity, number, slot};
    }
  }
  sent_without_slot_.fetch_add(1);
  return {identity, number, kNoSlot};
}

void SharedControl::receive(const Ticket& ticket) noexcept {
  if (ticket.slot >= kSlots) {
    received_without_slot_.fetch_add(1);
    return;
  }
  std::uint64_t expected = ticket.number << 2 | kSent;
  slots_[ticket.slot].compare_exchange_strong(expected, ticket.number << 2 | kReceived);
}

bool SharedControl::collect(const Ticket& ticket) noexcept {
  if (ticket.slot >= kSlots) return received_without_slot_.load() >= sent_without_slot_.load();
  std::uint64_t expected = ticket.number << 2 | kReceived;
  return slots_[ticket.slot].compare_exchange_strong(expected, ticket.number << 2 | kFree);
}

}  // namespace zerofill::blocks
