#include "alloc/page_map.h"

#include <atomic>
#include <cstdint>
#include <new>

namespace zerofill::alloc::page_map {
namespace {

// A table of tables, as page tables are: 47 bits of address on Linux, macOS and Windows, 48 on
// some of aarch64, in units of 2 MiB. A leaf covers 16 GiB and takes 64 KiB.
constexpr int kAddressBits = 48;
constexpr int kUnitBits = 21;
constexpr int kLeafBits = 13;
constexpr int kRootBits = kAddressBits - kUnitBits - kLeafBits;
static_assert(std::size_t{1} << kUnitBits == blocks::kBlockUnit);

struct Leaf {
  std::atomic<Allocation*> entries[std::size_t{1} << kLeafBits];
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
std::atomic<Allocation*>* entry_for(const void* address) noexcept {
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

void insert(Allocation* allocation) noexcept {
  entry_for(allocation->data())->store(allocation, std::memory_order_release);
}

void erase(const Allocation* allocation) noexcept {
  entry_for(allocation->data())->store(nullptr, std::memory_order_release);
}

Allocation* find(const void* data) noexcept {
  const std::atomic<Allocation*>* entry = entry_for(data);
  return entry != nullptr ? entry->load(std::memory_order_acquire) : nullptr;
}

}  // namespace zerofill::alloc::page_map
