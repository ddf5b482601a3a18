// alloc/aligned_malloc: malloc() and its relatives, aligned, and without a byte too many written or
// moved.
#include "alloc/aligned_malloc.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/align.h"
#include "base/options.h"
#include "base/units.h"
#include "blocks/pool.h"
#include "bytes.h"
#include "check.h"
#include "gained.h"
#include "heap/page_map.h"
#include "os/pages.h"

namespace {

using namespace zerofill;
using alloc::aligned_calloc;
using alloc::aligned_free;
using alloc::aligned_malloc;
using alloc::aligned_realloc;
using test::all_are;
using test::kDirty;
using test::kZero;

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kSizes[] = {1,       63,          64,      65,           1000,
                                  1024,    1025,        100000,  2 * MiB - 65, 2 * MiB - 64,
                                  2 * MiB, 2 * MiB + 1, 3 * MiB, 40 * MiB};

bool is_aligned(const void* memory, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(memory) % alignment == 0;
}

std::byte* make(std::size_t bytes) {
  auto* memory = static_cast<std::byte*>(aligned_malloc(bytes, kAlignment));
  CHECK(memory != nullptr);
  CHECK(is_aligned(memory, kAlignment));
  return memory;
}

std::byte* make_zeros(std::size_t bytes) {
  auto* memory = static_cast<std::byte*>(aligned_calloc(1, bytes, kAlignment));
  CHECK(memory != nullptr);
  CHECK(is_aligned(memory, kAlignment));
  return memory;
}

std::byte* make_dirty(std::size_t bytes) {
  std::byte* memory = make(bytes);
  test::make_dirty(memory, bytes);
  return memory;
}

void give_back(void* memory) { aligned_free(memory, kAlignment); }

/// After dirty ones of the same size were freed, so that theirs are what comes.
void zeros_are_zero_whatever_was_there() {
  for (const std::size_t bytes : kSizes) {
    give_back(make_dirty(bytes));
    std::byte* zeros = make_zeros(bytes);
    CHECK(all_are(kZero, zeros, bytes));
    test::make_dirty(zeros, bytes);
    give_back(zeros);
  }
}

void every_alignment_is_met() {
  for (int power = 4; power <= 30; ++power) {
    const std::size_t alignment = std::size_t{1} << power;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, 3 * MiB}) {
      for (void* memory : {aligned_malloc(bytes, alignment), aligned_calloc(1, bytes, alignment)}) {
        CHECK(memory != nullptr);
        CHECK(is_aligned(memory, alignment));
        test::make_dirty(static_cast<std::byte*>(memory), bytes);
        memory = aligned_realloc(memory, 2 * bytes, alignment);
        CHECK(memory != nullptr);
        CHECK(is_aligned(memory, alignment));
        CHECK(all_are(kDirty, static_cast<std::byte*>(memory), bytes));
        aligned_free(memory, alignment);
      }
    }
  }
}

void content_stays(std::size_t from, std::size_t to) {
  std::byte* memory = make_dirty(from);
  memory = static_cast<std::byte*>(aligned_realloc(memory, to, kAlignment));
  CHECK(memory != nullptr);
  CHECK(is_aligned(memory, kAlignment));
  CHECK(all_are(kDirty, memory, from < to ? from : to));
  test::make_dirty(memory, to);
  give_back(memory);
}

void content_stays_from_any_size_to_any() {
  for (const std::size_t from : kSizes) {
    for (const std::size_t to : kSizes) content_stays(from, to);
  }
}

void impossible_sizes_are_refused() {
  const std::size_t most = 0xFFFFFFFFFFFFFFFF;
  for (const std::size_t bytes : {most, most - 64, most - 2 * MiB, std::size_t{1} << 62}) {
    CHECK(aligned_malloc(bytes, kAlignment) == nullptr);
    CHECK(aligned_calloc(1, bytes, kAlignment) == nullptr);
    std::byte* memory = make_dirty(3 * MiB);
    CHECK(aligned_realloc(memory, bytes, kAlignment) == nullptr);
    CHECK(all_are(kDirty, memory, 3 * MiB));
    give_back(memory);
  }
  CHECK(aligned_calloc(std::size_t{1} << 40, std::size_t{1} << 40, kAlignment) == nullptr);
}

void what_is_freed_is_in_no_map() {
  std::byte* memory = make(8 * MiB);
  CHECK(heap::page_map::find(memory).allocation != nullptr);
  give_back(memory);
  CHECK(heap::page_map::find(memory).allocation == nullptr);
}

void nothing_is_something_too() {
  for (void* memory : {aligned_malloc(0, kAlignment), aligned_calloc(0, 8, kAlignment),
                       aligned_calloc(8, 0, kAlignment), aligned_realloc(nullptr, 0, kAlignment)}) {
    CHECK(memory != nullptr);
    memory = aligned_realloc(memory, 0, kAlignment);
    CHECK(memory != nullptr);
    give_back(memory);
  }
  give_back(nullptr);
}

void small_memory_is_reused() {
  std::byte* memory = make(100);
  give_back(memory);
  CHECK(make(90) == memory);
  give_back(memory);
}

void fresh_zeros_are_untouched() {
  alloc::trim();
  const test::Gained gained;
  std::byte* zeros = make_zeros(64 * MiB);
  CHECK(gained.misses() == 1);
  CHECK(gained.zeroed() + gained.populated() == 0);
  give_back(zeros);
  CHECK(gained.returned() >= 67108864);  // nobody touched them: they are not kept
  CHECK(blocks::pool_sizes().dirty_bytes == 0);
}

#ifdef __linux__  // elsewhere nobody says what was touched

void what_was_written_is_kept_and_reused_as_it_is() {
  alloc::trim();
  give_back(make_dirty(64 * MiB));
  CHECK(blocks::pool_sizes().dirty_bytes >= 67108864);
  const test::Gained gained;
  std::byte* memory = make(64 * MiB);
  CHECK(gained.dirty_hits() == 1);
  CHECK(gained.zeroed() == 0);
  give_back(memory);
}

/// A dirty block is there, but zeroing it could be for nothing.
void large_zeros_are_fresh_until_somebody_fills_them() {
  alloc::trim();
  give_back(make_dirty(64 * MiB));
  const test::Gained fresh;
  std::byte* zeros = make_zeros(64 * MiB);
  CHECK(fresh.misses() == 1);
  test::make_dirty(zeros, 64 * MiB);
  give_back(zeros);
  const test::Gained reused;
  zeros = make_zeros(64 * MiB);
  CHECK(reused.misses() == 0);
  CHECK(reused.zeroed() == 67108864);
  CHECK(all_are(kZero, zeros, 64 * MiB));
  give_back(zeros);
}

void large_zeros_are_fresh_again_once_they_stay_sparse() {
  alloc::trim();
  std::byte* filled = make_zeros(64 * MiB);
  test::make_dirty(filled, 64 * MiB);
  give_back(filled);
  std::byte* reused = make_zeros(64 * MiB);
  std::byte* sparse = make_zeros(64 * MiB);
  sparse[0] = kDirty;
  give_back(sparse);
  give_back(reused);
  const test::Gained gained;
  std::byte* zeros = make_zeros(64 * MiB);
  CHECK(gained.misses() == 1);
  CHECK(gained.zeroed() == 0);
  give_back(zeros);
}

void middle_sized_zeros_are_reused_always() {
  alloc::trim();
  give_back(make_dirty(8 * MiB));
  const test::Gained gained;
  give_back(make_zeros(8 * MiB));
  CHECK(gained.misses() == 0);
  CHECK(gained.zeroed() + gained.skipped() == 8388608);
}

/// By zeroing them, or by discarding their pages where that is faster.
void reused_zeros_are_zero_however_that_is_done() {
  alloc::trim();
  for (const int threads : {1, 2, 4}) {
    options().num_threads = threads;
    for (const std::size_t bytes : {3 * MiB, 4 * MiB, 7 * MiB + 64, 32 * MiB}) {
      give_back(make_dirty(bytes));
      for (int turn = 0; turn < 5; ++turn) {
        const test::Gained gained;
        std::byte* zeros = make_zeros(bytes);
        CHECK(gained.dirty_hits() == 1);
        CHECK(gained.zeroed() + gained.skipped() == bytes);
        CHECK(all_are(kZero, zeros, bytes));
        test::make_dirty(zeros, bytes);
        give_back(zeros);
      }
    }
  }
  options().num_threads = kAutomaticThreads;
}

/// Reading finds pages of zeros that all share: nothing there is the owner's.
void what_was_only_read_is_not_kept() {
  alloc::trim();
  std::byte* zeros = make_zeros(64 * MiB);
  CHECK(all_are(kZero, zeros, 64 * MiB));
  zeros[5] = kDirty;
  give_back(zeros);
  CHECK(blocks::pool_sizes().dirty_bytes == 0);
}

std::byte* resize(std::byte* memory, std::size_t bytes) {
  memory = static_cast<std::byte*>(aligned_realloc(memory, bytes, kAlignment));
  CHECK(memory != nullptr);
  return memory;
}

void large_memory_is_resized_by_its_pages() {
  alloc::trim();
  std::byte* memory = make_dirty(64 * MiB);
  const test::Gained grown;
  memory = resize(memory, 256 * MiB);
  CHECK(grown.moved() >= 67108864);
  CHECK(grown.moved() < 67108864 + 2097152);
  CHECK(all_are(kDirty, memory, 64 * MiB));
  CHECK(
      !os::are_private_resident(align_up(memory + 128 * MiB, os::page_bytes()), os::page_bytes()));
  const test::Gained shrunk;
  std::byte* same = resize(memory, 32 * MiB);
  CHECK(same == memory);
  CHECK(shrunk.moved() >= 33554432);
  CHECK(shrunk.returned() >= 223 * MiB);
  CHECK(all_are(kDirty, memory, 32 * MiB));
  give_back(memory);
}

/// There the pages in front of the payload are never touched.
void blocks_of_small_pages_are_kept() {
  options().huge_pages.store(false);
  for (int block = 0; block < 4; ++block) {  // each starts at another colour
    alloc::trim();
    const test::Gained gained;
    for (int turn = 0; turn < 4; ++turn) give_back(make_dirty(64 * MiB));
    CHECK(gained.misses() == 1);
    CHECK(gained.dirty_hits() == 3);
  }
  options().huge_pages.store(true);
  alloc::trim();
}

/// A kept block is all there; what it gains as it grows is not.
void what_grew_and_was_not_written_is_not_kept() {
  alloc::trim();
  give_back(make_dirty(8 * MiB));
  std::byte* memory = make(8 * MiB);
  CHECK(blocks::pool_sizes().dirty_bytes == 0);
  CHECK(resize(memory, 4 * MiB) == memory);  // which leaves it room
  CHECK(resize(memory, 7 * MiB) == memory);  // where it is
  give_back(memory);
  CHECK(blocks::pool_sizes().dirty_bytes == 0);
}

/// Somebody else's advice splits the mapping, and the system then moves only a part of it.
void a_divided_mapping_is_copied() {
  std::byte* memory = make_dirty(8 * MiB);
  CHECK(madvise(align_up(memory + MiB, os::page_bytes()), os::page_bytes(), MADV_DONTFORK) == 0);
  const test::Gained gained;
  memory = resize(memory, 40 * MiB);
  CHECK(gained.moved() == 0);
  CHECK(all_are(kDirty, memory, 8 * MiB));
  give_back(memory);
}

#endif

/// As numpy.fromiter() does it.
void growing_step_by_step_keeps_everything() {
  std::size_t bytes = 8;
  std::byte* memory = make_dirty(bytes);
  while (bytes < 50 * MiB) {
    const std::size_t more = bytes + bytes / 2;
    memory = static_cast<std::byte*>(aligned_realloc(memory, more, kAlignment));
    CHECK(memory != nullptr);
    CHECK(all_are(kDirty, memory, bytes));
    test::make_dirty(memory + bytes, more - bytes);
    bytes = more;
  }
  give_back(memory);
}

/// Memory goes round between threads: what one makes another resizes and a third frees.
struct Exchange {
  static constexpr std::size_t kPlaces = 64;
  std::atomic<std::byte*> places[kPlaces] = {};
};

constexpr std::size_t kHeader = sizeof(std::size_t);

void mark(std::byte* memory, std::size_t bytes) {
  std::memcpy(memory, &bytes, kHeader);
  memory[bytes - 1] = kDirty;
}

void check_mark(const std::byte* memory) {
  std::size_t bytes;
  std::memcpy(&bytes, memory, kHeader);
  CHECK(memory[bytes - 1] == kDirty);
}

void work(Exchange* exchange, unsigned seed) {
  std::mt19937 random(seed);
  for (int i = 0; i < 3000; ++i) {
    std::byte* memory = exchange->places[random() % Exchange::kPlaces].exchange(nullptr);
    const std::size_t bytes =
        kHeader + 1 + (random() % 8 == 0 ? random() % (6 * MiB) : random() % 3000);
    if (memory == nullptr) {
      memory = make_zeros(bytes);
      CHECK(memory[0] == kZero && memory[bytes / 2] == kZero && memory[bytes - 1] == kZero);
    } else {
      check_mark(memory);
      if (random() % 2 == 0) {
        give_back(memory);
        continue;
      }
      memory = static_cast<std::byte*>(aligned_realloc(memory, bytes, kAlignment));
    }
    mark(memory, bytes);
    give_back(exchange->places[random() % Exchange::kPlaces].exchange(memory));
  }
}

void threads_pass_memory_round() {
  const auto exchange = std::make_unique<Exchange>();
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) threads.emplace_back(work, exchange.get(), seed);
  for (std::thread& thread : threads) thread.join();
  for (auto& place : exchange->places) give_back(place.load());
}

/// An object of a thread that frees an array as the thread ends, before or after the thread's own
/// small memory is given up.
struct Late {
  void* memory = nullptr;
  ~Late() { give_back(memory); }
};

void a_thread_that_ends_may_still_free() {
  std::thread([] {
    thread_local Late before;
    before.memory = make(100);
    give_back(make(100));
    thread_local Late after;
    after.memory = make(100);
  }).join();
}

}  // namespace

int main() {
  options().scrub.store(Scrub::off);  // so that a dirty block stays one
  zeros_are_zero_whatever_was_there();
  every_alignment_is_met();
  content_stays_from_any_size_to_any();
  impossible_sizes_are_refused();
  what_is_freed_is_in_no_map();
  nothing_is_something_too();
  small_memory_is_reused();
  fresh_zeros_are_untouched();
#ifdef __linux__
  what_was_written_is_kept_and_reused_as_it_is();
  large_zeros_are_fresh_until_somebody_fills_them();
  large_zeros_are_fresh_again_once_they_stay_sparse();
  middle_sized_zeros_are_reused_always();
  reused_zeros_are_zero_however_that_is_done();
  what_was_only_read_is_not_kept();
  large_memory_is_resized_by_its_pages();
  blocks_of_small_pages_are_kept();
  what_grew_and_was_not_written_is_not_kept();
  a_divided_mapping_is_copied();
#endif
  growing_step_by_step_keeps_everything();
  threads_pass_memory_round();
  a_thread_that_ends_may_still_free();
}
