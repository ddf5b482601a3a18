// Kept blocks by size class, and what is known of them. A data structure: it takes no lock and
// calls nobody.
#pragma once

#include <chrono>
#include <cstddef>

#include "memory/block.h"
#include "memory/size_class.h"

namespace zerofill::memory {

using Clock = std::chrono::steady_clock;

/// A block that nobody uses, and since when.
struct Kept {
  Block block;
  Clock::time_point since;
  bool worth_scrubbing = false;
  Kept* newer = nullptr;
  Kept* older = nullptr;
};

/// Which block serves a request best.
enum class Preference {
  clean,       ///< a clean one, else a dirty one
  only_clean,  ///< a clean one or none
  dirty,       ///< a dirty one, since nobody needs its zeros; else a clean one
};

/// What a block must be to serve a request.
struct Wanted {
  std::size_t bytes;
  std::size_t alignment;
  Preference preference;
};

/// Where the payload of a request would start in a block; null when it does not fit, or when the
/// block would waste more than an eighth of it.
std::byte* fit(const Block& block, const Wanted& wanted) noexcept;

class Shelves {
 public:
  void add(Kept* kept) noexcept;
  void remove(Kept* kept) noexcept;

  /// The newest block that fits, since it is the warmest.
  Kept* find(const Wanted& wanted) const noexcept;

  /// The block that has been here longest; null when there is none.
  Kept* oldest() const noexcept;

  /// The newest dirty block that is worth scrubbing.
  Kept* to_scrub() const noexcept;

  bool empty() const noexcept { return clean_bytes_ + dirty_bytes_ == 0; }
  std::size_t clean_bytes() const noexcept { return clean_bytes_; }
  std::size_t dirty_bytes() const noexcept { return dirty_bytes_; }

 private:
  /// Blocks of one class that are alike, newest first.
  struct List {
    Kept* newest = nullptr;
    Kept* oldest = nullptr;
  };

  List& list_of(const Block& block) noexcept;
  static Kept* find_in(const List* lists, const Wanted& wanted) noexcept;

  List clean_[kSizeClasses];
  List dirty_[kSizeClasses];
  std::size_t clean_bytes_ = 0;
  std::size_t dirty_bytes_ = 0;
};

}  // namespace zerofill::memory
