#include "blocks/shared_control.h"

#include <random>

namespace zerofill::blocks {
namespace {

std::uint64_t random_identity() noexcept {
  static std::atomic<std::uint64_t> made{0};
  // The system's source of random numbers, and a count where it has none.
  std::uint64_t identity = made.fetch_add(1) << 1 | 1;
  try {
    std::random_device source;
    identity ^= std::uint64_t{source()} << 33 ^ std::uint64_t{source()} << 1;
  } catch (...) {
  }
  return identity;
}

}  // namespace

void SharedControl::begin() noexcept {
  identity_.store(random_identity(), std::memory_order_release);
  sent_without_slot_.store(0, std::memory_order_relaxed);
  received_without_slot_.store(0, std::memory_order_relaxed);
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
