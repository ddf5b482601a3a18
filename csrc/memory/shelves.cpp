#include "memory/shelves.h"

#include <algorithm>

#include "base/align.h"
#include "memory/plan.h"

namespace zerofill::memory {

std::byte* fit(const Block& block, const Wanted& wanted) noexcept {
  if (block.bytes < wanted.bytes) return nullptr;
  const std::size_t spare = block.bytes - wanted.bytes;
  if (spare > wanted.bytes / 8 + kMostStagger) return nullptr;
  for (const std::size_t stagger : {block.stagger, std::size_t{0}}) {
    std::byte* payload = align_up(block.address + stagger, wanted.alignment);
    if (static_cast<std::size_t>(payload - block.address) <= spare) return payload;
  }
  return nullptr;
}

Shelves::List& Shelves::list_of(const Block& block) noexcept {
  List* lists = block.content == Content::zero ? clean_ : dirty_;
  return lists[size_class(block.bytes)];
}

void Shelves::add(Kept* kept) noexcept {
  List& list = list_of(kept->block);
  kept->newer = nullptr;
  kept->older = list.newest;
  // A block comes back from being scrubbed with the time at which it was freed.
  while (kept->older != nullptr && kept->older->since > kept->since) {
    kept->newer = kept->older;
    kept->older = kept->older->older;
  }
  (kept->newer != nullptr ? kept->newer->older : list.newest) = kept;
  (kept->older != nullptr ? kept->older->newer : list.oldest) = kept;
  (kept->block.content == Content::zero ? clean_bytes_ : dirty_bytes_) += kept->block.bytes;
}

void Shelves::remove(Kept* kept) noexcept {
  List& list = list_of(kept->block);
  (kept->newer != nullptr ? kept->newer->older : list.newest) = kept->older;
  (kept->older != nullptr ? kept->older->newer : list.oldest) = kept->newer;
  (kept->block.content == Content::zero ? clean_bytes_ : dirty_bytes_) -= kept->block.bytes;
}

Kept* Shelves::find_in(const List* lists, const Wanted& wanted) noexcept {
  const int last = size_class(wanted.bytes + wanted.bytes / 8 + kMostStagger);
  for (int index = size_class(wanted.bytes); index <= last; ++index) {
    for (Kept* kept = lists[index].newest; kept != nullptr; kept = kept->older) {
      if (fit(kept->block, wanted) != nullptr) return kept;
    }
  }
  return nullptr;
}

Kept* Shelves::find(const Wanted& wanted) const noexcept {
  if (wanted.bytes > kMostPooledBytes) return nullptr;
  const bool dirty_first = wanted.preference == Preference::dirty;
  Kept* kept = find_in(dirty_first ? dirty_ : clean_, wanted);
  if (kept != nullptr || wanted.preference == Preference::only_clean) return kept;
  return find_in(dirty_first ? clean_ : dirty_, wanted);
}

Kept* Shelves::oldest() const noexcept {
  Kept* found = nullptr;
  for (const List* lists : {clean_, dirty_}) {
    std::for_each(lists, lists + kSizeClasses, [&found](const List& list) {
      Kept* kept = list.oldest;
      if (kept != nullptr && (found == nullptr || kept->since < found->since)) found = kept;
    });
  }
  return found;
}

Kept* Shelves::to_scrub() const noexcept {
  Kept* found = nullptr;
  std::for_each(dirty_, dirty_ + kSizeClasses, [&found](const List& list) {
    for (Kept* kept = list.newest; kept != nullptr; kept = kept->older) {
      if (!kept->worth_scrubbing) continue;
      if (found == nullptr || found->since < kept->since) found = kept;
      break;  // the others of the class are older
    }
  });
  return found;
}

}  // namespace zerofill::memory
