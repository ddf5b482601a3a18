// heap/heap: small memory on zerofill's own pages, which stay for a while and then go back.
#include "heap/heap.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/options.h"
#include "base/units.h"
#include "blocks/pool_limits.h"
#include "bytes.h"
#include "check.h"
#include "child.h"
#include "heap/page_map.h"
#include "heap/segment_index.h"
#include "heap/size_classes.h"
#include "os/pages.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using test::all_are;
using test::kDirty;
using test::kZero;

constexpr std::size_t kLine = 64;

// A sanitizer's books take pages too, and faults.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr std::size_t kSizes[] = {1,        63,        64,        65,      1000,        1024,
                                  1025,     4096,      16 * KiB,  16385,   40000,       64 * KiB,
                                  65 * KiB, 256 * KiB, 512 * KiB, 1 * MiB, 2 * MiB - 64};

std::byte* make(std::size_t bytes, std::size_t alignment = kLine) {
  auto* memory = static_cast<std::byte*>(heap::allocate(bytes, alignment));
  CHECK(memory != nullptr);
  CHECK(reinterpret_cast<std::uintptr_t>(memory) % alignment == 0);
  CHECK(heap::capacity(heap::page_map::find(memory).segment, memory) >= bytes);
  return memory;
}

void give_back(void* memory, std::size_t alignment = kLine) {
  heap::free(heap::page_map::find(memory).segment, memory, alignment);
}

std::size_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0, resident = 0;
  CHECK(file != nullptr && std::fscanf(file, "%lu %lu", &total, &resident) == 2);
  std::fclose(file);
  return resident * os::page_bytes();
}

std::size_t mapped_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0;
  CHECK(file != nullptr && std::fscanf(file, "%lu", &total) == 1);
  std::fclose(file);
  return total * os::page_bytes();
}

long faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

void every_size_has_the_smallest_class_that_holds_it() {
  for (std::size_t bytes = 1; bytes <= heap::kLargestSlotBytes; ++bytes) {
    const int size_class = heap::class_of(bytes);
    CHECK(size_class >= 0 && size_class < heap::kClasses);
    CHECK(heap::slot_bytes(size_class) >= bytes);
    CHECK(heap::slot_bytes(size_class) % heap::kLineBytes == 0);
    CHECK(size_class == 0 || heap::slot_bytes(size_class - 1) < bytes);
  }
  for (int size_class = 0; size_class < heap::kClasses; ++size_class) {
    CHECK(heap::slab_bytes(size_class) / heap::slot_bytes(size_class) <= 512);
    CHECK(heap::slab_bytes(size_class) / heap::slot_bytes(size_class) >= 16);
  }
}

void the_first_segment_with_room_is_found() {
  std::mt19937 random(3);
  heap::SegmentIndex index;
  std::vector<std::unique_ptr<heap::Segment>> segments;
  std::vector<std::size_t> longest;  // by place; 0: empty
  CHECK(index.empty() && index.find(1) == nullptr);
  for (int turn = 0; turn < 5000; ++turn) {
    const std::size_t pages = random() % 1000 + 1;
    if (segments.size() < 50 && random() % 50 == 0) {
      segments.push_back(std::make_unique<heap::Segment>());
      segments.back()->pages = pages;
      CHECK(index.add(segments.back().get()));
      longest.resize(index.places());
      longest[segments.back()->place] = pages;
    } else if (!segments.empty()) {
      const std::size_t which = random() % segments.size();
      if (random() % 100 == 0) {
        longest[segments[which]->place] = 0;
        index.remove(segments[which].get());
        segments.erase(segments.begin() + static_cast<std::ptrdiff_t>(which));
      } else {
        longest[segments[which]->place] = pages;
        index.set_longest_free(segments[which].get(), pages);
      }
    }
    const std::size_t wanted = random() % 1000 + 1;
    std::size_t place = 0;
    while (place < longest.size() && longest[place] < wanted) ++place;
    const heap::Segment* found = index.find(wanted);
    CHECK(place == longest.size() ? found == nullptr : found == index.at(place));
  }
}

void every_alignment_is_met() {
  for (std::size_t alignment = 16; alignment <= 512 * KiB; alignment *= 2) {
    for (const std::size_t bytes : {std::size_t{1}, 100 * KiB, std::size_t{5000}}) {
      std::byte* first = make(bytes, alignment);
      std::byte* second = make(bytes, alignment);
      test::make_dirty(first, bytes);
      std::memset(second, 1, bytes);
      CHECK(all_are(kDirty, first, bytes));
      give_back(first, alignment);
      give_back(second, alignment);
    }
  }
}

/// Pieces of many sizes, made, resized and freed in a random order: each keeps its bytes.
void pieces_never_share_a_byte() {
  struct Piece {
    std::byte* memory;
    std::size_t bytes;
    std::byte mark;
  };
  std::mt19937 random(7);
  std::vector<Piece> pieces;
  for (int turn = 0; turn < 20000; ++turn) {
    const std::size_t bytes = kSizes[random() % 15] - random() % 32 % kSizes[0] + random() % 30;
    if (pieces.size() < 200 && random() % 2 == 0) {
      const auto mark = static_cast<std::byte>(random() % 255 + 1);
      auto* memory = static_cast<std::byte*>(
          random() % 2 == 0 ? heap::allocate(bytes, kLine) : heap::allocate_zeros(bytes, kLine));
      std::memset(memory, std::to_integer<int>(mark), bytes);
      pieces.push_back({memory, bytes, mark});
    } else if (!pieces.empty()) {
      const std::size_t index = random() % pieces.size();
      Piece& piece = pieces[index];
      CHECK(all_are(piece.mark, piece.memory, piece.bytes));
      auto* segment = heap::page_map::find(piece.memory).segment;
      if (random() % 3 == 0 && heap::resize(segment, piece.memory, bytes)) {
        CHECK(all_are(piece.mark, piece.memory, std::min(bytes, piece.bytes)));
        std::memset(piece.memory, std::to_integer<int>(piece.mark), bytes);
        piece.bytes = bytes;
        continue;
      }
      give_back(piece.memory);
      piece = pieces.back();
      pieces.pop_back();
    }
  }
  for (const Piece& piece : pieces) {
    CHECK(all_are(piece.mark, piece.memory, piece.bytes));
    give_back(piece.memory);
  }
}

void zeros_are_zero_whatever_was_there() {
  for (const std::size_t bytes : kSizes) {
    for (int turn = 0; turn < 3; ++turn) {
      auto* zeros = static_cast<std::byte*>(heap::allocate_zeros(bytes, kLine));
      CHECK(all_are(kZero, zeros, bytes));
      test::make_dirty(zeros, bytes);
      give_back(zeros);
    }
    heap::trim();
  }
}

void fresh_zeros_are_untouched() {
  heap::trim();
  give_back(make(100));  // the first segment is there now, and its record
  const long before = faults();
  void* zeros = heap::allocate_zeros(1 * MiB, kLine);
  CHECK(kSanitized || faults() - before < 16);  // of 256 pages
  give_back(zeros);
}

/// As a chain of temporaries uses them.
void reuse_faults_no_page() {
  for (const std::size_t bytes : kSizes) {
    long before = 0;
    for (int turn = 0; turn < 60; ++turn) {
      if (turn == 10) before = faults();
      std::byte* first = make(bytes);
      std::byte* second = make(bytes);
      test::make_dirty(first, bytes);
      give_back(first);
      std::byte* third = make(bytes);
      test::make_dirty(second, bytes);
      test::make_dirty(third, bytes);
      give_back(second);
      give_back(third);
    }
    CHECK(kSanitized ||
          faults() - before < 5);  // of over 15,000; the process has other memory than this
  }
}

void what_is_freed_is_reused() {
  for (const std::size_t bytes : kSizes) {
    std::byte* memory = make(bytes);
    give_back(memory);
    CHECK(make(bytes) == memory);
    give_back(memory);
  }
}

/// Returns the pieces of a program that made many arrays and kept every `keep`th.
std::vector<std::byte*> make_many(std::size_t bytes, std::size_t count, std::size_t keep) {
  std::vector<std::byte*> all, kept;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(make(bytes));
    test::make_dirty(all.back(), bytes);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (i % keep == 0) {
      kept.push_back(all[i]);
    } else {
      give_back(all[i]);
    }
  }
  return kept;
}

void trim_returns_what_is_free() {
  heap::trim();
  const std::size_t before = resident_bytes();
  const auto kept = make_many(40 * KiB, 2500, 100);
  CHECK(resident_bytes() > before + 90 * MiB);
  CHECK(heap::sizes().idle_bytes > 90 * MiB);
  CHECK(heap::trim() > 90 * MiB);
  CHECK(heap::sizes().idle_bytes == 0);
  CHECK(kSanitized || resident_bytes() < before + 8 * MiB);
  for (std::byte* memory : kept) {
    CHECK(all_are(kDirty, memory, 40 * KiB));
    give_back(memory);
  }
  heap::trim();
  CHECK(heap::sizes().used_bytes <= 1 * MiB);  // what thread caches pin
}

void segments_go_back_as_a_whole() {
  heap::trim();
  const std::size_t before = mapped_bytes();
  for (std::byte* memory : make_many(1 * MiB, 100, 1)) give_back(memory);
  CHECK(mapped_bytes() > before + 90 * MiB);
  heap::trim();
  CHECK(mapped_bytes() < before + 40 * MiB);
}

void pages_go_back_after_decay() {
  options().decay.store(0.2);
  heap::trim();
  const std::size_t before = resident_bytes();
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{5000}, 40 * KiB, 1 * MiB}) {
    const std::size_t count = std::min(60 * MiB / bytes, std::size_t{20'000});
    for (std::byte* memory : make_many(bytes, count, 1)) give_back(memory);
  }
  for (int waited = 0; heap::sizes().idle_bytes != 0; ++waited) {
    CHECK(waited < 60'000);
    os::sleep_microseconds(1000);
  }
  CHECK(kSanitized || resident_bytes() < before + 5 * MiB);
  options().decay.store(10.0);
}

/// At once, unless the background thread is purging just then: after the next piece that is freed.
bool is_at_most_idle(std::size_t bytes) {
  for (int tries = 0; tries < 10'000; ++tries) {
    if (heap::sizes().idle_bytes <= bytes) return true;
    os::sleep_microseconds(1000);
    give_back(make(100 * KiB));
  }
  return false;
}

void the_limit_bounds_what_is_idle() {
  options().pool_limit.store(8 * MiB);
  for (std::byte* memory : make_many(100 * KiB, 500, 1)) {
    give_back(memory);
    CHECK(is_at_most_idle(8 * MiB));
  }
  options().pool_limit.store(0);
  heap::apply_options();
  CHECK(heap::sizes().idle_bytes <= 1 * MiB);
  options().pool_limit.store(kAutomaticLimit);
}

std::size_t lazily_freed_bytes() {
  std::FILE* file = std::fopen("/proc/self/smaps_rollup", "r");
  if (file == nullptr) return 0;
  char line[256];
  unsigned long kib = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "LazyFree: %lu", &kib) == 1) break;
  }
  std::fclose(file);
  return kib * KiB;
}

void what_is_idle_is_the_systems_to_take() {
  heap::trim();
  options().pool_limit.store(256 * MiB);  // more than the automatic one of a small machine
  for (std::byte* memory : make_many(200 * KiB, 1000, 1)) give_back(memory);
  const std::size_t idle = heap::sizes().idle_bytes;
  CHECK(idle > 190 * MiB);
  // All but the part that is held, the last runs that were freed, and a huge page at either end.
  CHECK(lazily_freed_bytes() > idle - blocks::held_limit_bytes() - 20 * MiB);
  heap::trim();
  options().pool_limit.store(kAutomaticLimit);
}

void memory_may_be_freed_by_another_thread() {
  for (int turn = 0; turn < 20; ++turn) {
    std::vector<std::byte*> pieces;
    for (int i = 0; i < 100; ++i) pieces.push_back(make(kSizes[i % 16]));
    std::thread([&] {
      for (std::byte* memory : pieces) give_back(memory);
    }).join();
  }
  heap::trim();
  CHECK(heap::sizes().used_bytes <= 1 * MiB);  // the thread's cache was flushed as it ended
}

void threads_do_not_disturb_each_other() {
  std::vector<std::thread> threads;
  for (int number = 1; number <= 4; ++number) {
    threads.emplace_back([number] {
      std::mt19937 random(static_cast<unsigned>(number));
      std::vector<std::pair<std::byte*, std::size_t>> pieces;
      for (int turn = 0; turn < 4000; ++turn) {
        const std::size_t bytes = kSizes[random() % 14];
        pieces.emplace_back(make(bytes), bytes);
        std::memset(pieces.back().first, number, bytes);
        if (pieces.size() > 20) {
          const auto [memory, size] = pieces[random() % 20];
          CHECK(all_are(static_cast<std::byte>(number), memory, size));
          std::swap(*std::find(pieces.begin(), pieces.end(), std::pair{memory, size}),
                    pieces.back());
          pieces.pop_back();
          give_back(memory);
        }
        if (turn % 500 == 0) heap::trim();
      }
      for (const auto& [memory, size] : pieces) give_back(memory);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// Of what several threads free at once, each gives a part back to the system in the middle of it.
void threads_free_more_than_is_held() {
  const std::vector<std::byte*> more_than_held = make_many(200 * KiB, 250, 1);
  for (std::byte* memory : more_than_held) give_back(memory);
  CHECK(heap::sizes().idle_bytes > blocks::held_limit_bytes());
  std::vector<std::thread> threads;
  for (int number = 1; number <= 4; ++number) {
    threads.emplace_back([] {
      for (int turn = 0; turn < 40; ++turn) {
        for (std::byte* memory : make_many(40 * KiB, 60, 1)) {
          CHECK(all_are(kDirty, memory, 40 * KiB));
          give_back(memory);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  heap::trim();
  CHECK(heap::sizes().used_bytes <= 1 * MiB);
}

void the_c_library_steps_in_where_no_segment_can_be_mapped() {
  CHECK(kSanitized || test::holds_in_child([] {
          alloc::trim();
          const std::size_t mapped = mapped_bytes() + MiB;
          const rlimit limit{mapped, mapped};
          if (setrlimit(RLIMIT_AS, &limit) != 0) return false;
          for (const std::size_t alignment :
               {std::size_t{16}, std::size_t{64}, std::size_t{4096}}) {
            auto* memory = static_cast<std::byte*>(heap::allocate_zeros(20'000, alignment));
            if (memory == nullptr || heap::page_map::find(memory).segment != nullptr) return false;
            const bool is_right = reinterpret_cast<std::uintptr_t>(memory) % alignment == 0 &&
                                  all_are(kZero, memory, 20'000) &&
                                  heap::capacity(nullptr, memory) == 20'000 &&
                                  !heap::resize(nullptr, memory, 30'000);
            give_back(memory, alignment);
            if (!is_right) return false;
          }
          return heap::allocate(std::size_t{1} << 40, kLine) == nullptr;
        }));
}

void a_child_has_a_heap_too() {
  std::byte* kept = make(100 * KiB);
  test::make_dirty(kept, 100 * KiB);
  give_back(make(1 * MiB));
  CHECK(test::holds_in_child([kept] {
    for (const std::size_t bytes : kSizes) {
      std::byte* memory = make(bytes);
      test::make_dirty(memory, bytes);
      give_back(memory);
    }
    const bool stays = all_are(kDirty, kept, 100 * KiB);
    give_back(kept);
    alloc::trim();  // which also links the handlers of forks into this program
    return stays && heap::sizes().idle_bytes == 0;
  }));
  CHECK(all_are(kDirty, kept, 100 * KiB));
  give_back(kept);
}

}  // namespace

int main() {
  every_size_has_the_smallest_class_that_holds_it();
  the_first_segment_with_room_is_found();
  every_alignment_is_met();
  pieces_never_share_a_byte();
  zeros_are_zero_whatever_was_there();
  fresh_zeros_are_untouched();
  reuse_faults_no_page();
  what_is_freed_is_reused();
  trim_returns_what_is_free();
  segments_go_back_as_a_whole();
  pages_go_back_after_decay();
  the_limit_bounds_what_is_idle();
  what_is_idle_is_the_systems_to_take();
  memory_may_be_freed_by_another_thread();
  threads_do_not_disturb_each_other();
  threads_free_more_than_is_held();
  a_child_has_a_heap_too();
  the_c_library_steps_in_where_no_segment_can_be_mapped();
}
