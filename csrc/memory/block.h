// A block of pages and what is known of its bytes. The knowledge travels with the block, and
// getting zeros is a matter of what it still lacks.
#pragma once

#include <cstddef>

#include "base/align.h"

namespace zerofill::memory {

enum class Content { zero, unknown };
enum class Residency {
  none,
  some,
  all,
  unknown,  ///< found out when the block is freed
};

/// Larger blocks start at a multiple of this many bytes, and so do not share such a unit.
constexpr std::size_t kBlockUnit = 2 * MiB;

struct Span;

struct Block {
  std::byte* address = nullptr;  ///< of the mapping
  std::size_t bytes = 0;         ///< of the mapping; a multiple of the page size
  std::size_t stagger = 0;       ///< where payloads start, so that not all start alike; below bytes
  std::byte* payload = nullptr;  ///< where this owner's bytes start
  std::size_t payload_bytes = 0;  ///< that the owner asked for
  Content content = Content::unknown;
  Residency residency = Residency::none;
  unsigned generation = 0;  ///< how many forks there were when it was known to be no other's
  Span* span = nullptr;     ///< the mapping it is a part of; null when it is a whole one
  bool huge_pages = false;  ///< the system was asked for huge pages, and grants them
};

}  // namespace zerofill::memory
