#include "memory/audit.h"

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "base/align.h"
#include "memory/errors.h"
#include "memory/plan.h"

namespace zerofill::memory {
namespace {

/// The offset of the first byte that is not zero; `bytes` when there is none.
std::size_t first_nonzero(const std::byte* address, std::size_t bytes) noexcept {
  const std::byte* end = address + bytes;
  return static_cast<std::size_t>(
      std::find_if(address, end, [](std::byte byte) { return byte != std::byte{0}; }) - address);
}

void lower(std::atomic<std::size_t>* value, std::size_t candidate) noexcept {
  std::size_t seen = value->load();
  while (candidate < seen && !value->compare_exchange_weak(seen, candidate)) {
  }
}

}  // namespace

bool passes_audit(const std::byte* address, std::size_t bytes, const team::Poll& poll) {
  const Plan plan = plan_zeroing(bytes);
  std::atomic<std::size_t> first{bytes};
  auto look = [&](std::size_t chunk) {
    const std::size_t start = chunk * plan.chunk_bytes;
    const std::size_t length = std::min(plan.chunk_bytes, bytes - start);
    const std::size_t found = first_nonzero(address + start, length);
    if (found != length) lower(&first, start + found);
  };
  if (!team::parallel_for(ceil_divide(bytes, plan.chunk_bytes), plan.threads, poll, look)) {
    throw Interrupted();
  }
  if (first == bytes) return true;
  std::fprintf(
      stderr,
      "zerofill: write after free: byte %zu of a freed block of %zu bytes at %p is 0x%02x; "
      "the block is zeroed again\n",
      first.load(), bytes, static_cast<const void*>(address),
      static_cast<unsigned>(address[first]));
  return false;
}

}  // namespace zerofill::memory
