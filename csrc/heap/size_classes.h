// Size classes of slots: steps of a cache line up to 1 KiB, then eight to each doubling, so that at
// most a ninth is wasted. What is larger than the largest slot gets whole pages.
#pragma once

#include <cstddef>

#include "base/align.h"
#include "base/bits.h"
#include "base/units.h"

namespace zerofill::heap {

constexpr std::size_t kLineBytes = 64;  ///< slots are multiples of it, and so aligned
constexpr std::size_t kLineClasses = 16;
constexpr int kFirstPower = 10;  ///< 1 KiB, where the steps begin to grow
constexpr int kLastPower = 14;
constexpr std::size_t kLargestSlotBytes = std::size_t{1} << kLastPower;
constexpr int kClasses = static_cast<int>(kLineClasses) + (kLastPower - kFirstPower) * 8;

static_assert(kLineClasses * kLineBytes == std::size_t{1} << kFirstPower);

/// The class of the smallest slots that hold so many bytes. pre: 1 to kLargestSlotBytes.
inline int class_of(std::size_t bytes) noexcept {
  if (bytes <= kLineClasses * kLineBytes) return static_cast<int>((bytes - 1) / kLineBytes);
  return static_cast<int>(kLineClasses) + eighths_of_doublings(bytes - 1) - kFirstPower * 8;
}

/// Size of the slots of a class, in bytes.
constexpr std::size_t slot_bytes(int size_class) noexcept {
  const auto index = static_cast<std::size_t>(size_class);
  if (index < kLineClasses) return (index + 1) * kLineBytes;
  const std::size_t above = index - kLineClasses;
  return (std::size_t{1} << (kFirstPower + above / 8)) / 8 * (9 + above % 8);
}

/// Size of a slab that is divided into slots of a class: 16 to 512 of them.
constexpr std::size_t slab_bytes(int size_class) noexcept {
  const std::size_t wanted = slot_bytes(size_class) * 32;
  if (wanted <= 32 * KiB) return 32 * KiB;
  return wanted >= 256 * KiB ? 256 * KiB : align_up(wanted, 4 * KiB);
}

}  // namespace zerofill::heap
