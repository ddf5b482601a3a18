#include "zeroing/audit.h"

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "os/standard_error.h"
#include "zeroing/chunks.h"

namespace zerofill::zeroing {
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

bool verify_zero(const std::byte* address, std::size_t bytes, const team::Poll& poll) {
  std::atomic<std::size_t> first{bytes};
  for_each_chunk(bytes, plan_zeroing(bytes), poll, [&](std::size_t start, std::size_t length) {
    const std::size_t found = first_nonzero(address + start, length);
    if (found != length) lower(&first, start + found);
  });
  if (first == bytes) return true;
  char message[200];
  std::snprintf(message, sizeof message,
                "zerofill: write after free: byte %zu of a freed block of %zu bytes at %p is "
                "0x%02x; the block is zeroed again\n",
                first.load(), bytes, static_cast<const void*>(address),
                static_cast<unsigned>(address[first]));
  os::write_to_standard_error(message);
  return false;
}

}  // namespace zerofill::zeroing
