#include "memory/page_map.h"

#include <atomic>
#include <cstdint>
#include <new>

namespace zerofill::memory {
namespace {

// A table of tables, as page tables are: 47 bits of address on Linux, macOS and Windows, 48 on
// some of aarch64, in units of 2 MiB. A leaf covers 16 GiB and takes 64 KiB.
constexpr int kAddressBits = 48;
constexpr int kUnitBits = 21;
constexpr int kLeafBits = 13;
constexpr int kRootBits = kAddressBits - kUnitBits - kLeafBits;
static_assert(std::size_t{1} << kUnitBits == kBlockUnit);

struct Leaf {
  std::atomic<Lent*> lent[std::size_t{1} << kLeafBits];
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

}  // namespace

bool remember(Lent* lent) noexcept {
  const std::uint64_t unit = unit_of(lent->block.payload);
  if (root_index(unit) >= std::size_t{1} << kRootBits) return false;
  Leaf* leaf = leaf_for(&root[root_index(unit)]);
  if (leaf == nullptr) return false;
  leaf->lent[leaf_index(unit)].store(lent, std::memory_order_release);
  return true;
}

void forget(Lent* lent) noexcept {
  const std::uint64_t unit = unit_of(lent->block.payload);
  Leaf* leaf = root[root_index(unit)].load(std::memory_order_acquire);
  Lent* there = lent;
  leaf->lent[leaf_index(unit)].compare_exchange_strong(there, nullptr, std::memory_order_acq_rel);
}

Lent* find_lent(const void* payload) noexcept {
  const std::uint64_t unit = unit_of(payload);
  if (root_index(unit) >= std::size_t{1} << kRootBits) return nullptr;
  Leaf* leaf = root[root_index(unit)].load(std::memory_order_acquire);
  return leaf != nullptr ? leaf->lent[leaf_index(unit)].load(std::memory_order_acquire) : nullptr;
}

}  // namespace zerofill::memory
