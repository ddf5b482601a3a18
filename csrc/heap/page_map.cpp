#include "heap/page_map.h"

#include <atomic>
#include <cstdint>
#include <new>

#include "base/units.h"

namespace zerofill::heap::page_map {
namespace {

// A table of tables, as page tables are: 47 bits of address on Linux, macOS and Windows, 48 on
// some of aarch64, in units of 2 MiB. A leaf covers 16 GiB and takes 64 KiB.
constexpr int kAddressBits = 48;
constexpr int kUnitBits = 21;
constexpr int kLeafBits = 13;
constexpr int kRootBits = kAddressBits - kUnitBits - kLeafBits;
constexpr std::size_t kUnitBytes = std::size_t{1} << kUnitBits;
static_assert(kUnitBytes == kHugePageUnit);  // blocks::kBlockUnit, and what segments start at

/// A pointer to an allocation, or one to a segment and 1.
using Word = std::uintptr_t;
constexpr Word kIsSegment = 1;

struct Leaf {
  std::atomic<Word> entries[std::size_t{1} << kLeafBits];
};

std::atomic<Leaf*> root[std::size_t{1} << kRootBits];

std::uint64_t unit_of(const void* address) noexcept {
  return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(address)) >> kUnitBits;
}

std::size_t root_index(std::uint64_t unit) noexcept {
  return static_cast<std::size_t>(unit >> kLeafBits);
}

std::size_t leaf_index(std::uint64_t unit) noexcept {
  return static_cast<std::size_t>(unit) & ((std::size_t{1} << kLeafBits) - 1);
}

/// Null when there is no memory for one. Leaves are never freed.
Leaf* leaf_for(std::atomic<Leaf*>* place) noexcept {
  Leaf* leaf = place->load(std::memory_order_acquire);
  if (leaf != nullptr) return leaf;
  auto* made = new (std::nothrow) Leaf();
  if (made == nullptr) return nullptr;
  if (place->compare_exchange_strong(leaf, made, std::memory_order_acq_rel)) return made;
  delete made;  // another thread was faster
  return leaf;
}

/// Null when there is no leaf for that address.
std::atomic<Word>* entry_for(const void* address) noexcept {
  const std::uint64_t unit = unit_of(address);
  if (root_index(unit) >= std::size_t{1} << kRootBits) return nullptr;
  Leaf* leaf = root[root_index(unit)].load(std::memory_order_acquire);
  return leaf != nullptr ? &leaf->entries[leaf_index(unit)] : nullptr;
}

}  // namespace

bool reserve(const std::byte* data) noexcept {
  const std::size_t index = root_index(unit_of(data));
  return index < std::size_t{1} << kRootBits && leaf_for(&root[index]) != nullptr;
}

void insert(const std::byte* data, alloc::Allocation* allocation) noexcept {
  entry_for(data)->store(reinterpret_cast<Word>(allocation), std::memory_order_release);
}

bool insert(const std::byte* address, std::size_t bytes, Segment* segment) noexcept {
  // The segment may end under another leaf than it starts.
  if (!reserve(address) || !reserve(address + bytes - 1)) return false;
  const Word word = reinterpret_cast<Word>(segment) | kIsSegment;
  for (std::size_t offset = 0; offset < bytes; offset += kUnitBytes) {
    entry_for(address + offset)->store(word, std::memory_order_release);
  }
  return true;
}

void erase(const std::byte* data) noexcept { entry_for(data)->store(0, std::memory_order_release); }

void erase(const std::byte* address, std::size_t bytes) noexcept {
  for (std::size_t offset = 0; offset < bytes; offset += kUnitBytes) erase(address + offset);
}

Entry find(const void* data) noexcept {
  const std::atomic<Word>* entry = entry_for(data);
  const Word word = entry != nullptr ? entry->load(std::memory_order_acquire) : 0;
  if ((word & kIsSegment) != 0) return {reinterpret_cast<Segment*>(word - kIsSegment), nullptr};
  return {nullptr, reinterpret_cast<alloc::Allocation*>(word)};
}

}  // namespace zerofill::heap::page_map
