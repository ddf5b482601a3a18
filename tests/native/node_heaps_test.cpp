// heap/node_heaps: what was freed on a NUMA node is handed out there, and on no other.
#include "heap/node_heaps.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/options.h"
#include "base/units.h"
#include "bytes.h"
#include "check.h"
#include "child.h"
#include "fake_nodes.h"
#include "heap/heap.h"
#include "heap/page_map.h"

namespace {

using namespace zerofill;
using test::run_on;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // they need addresses of their own
#else
constexpr bool kSanitized = false;
#endif

// A slot, a run that threads cache, and one that they do not.
constexpr std::size_t kSizes[] = {1 * KiB, 100 * KiB, 1 * MiB};

std::byte* make(std::size_t bytes) {
  auto* memory = static_cast<std::byte*>(heap::allocate(bytes, 64));
  CHECK(memory != nullptr);
  return memory;
}

void give_back(void* memory) { heap::free(heap::page_map::find(memory).segment, memory, 64); }

int node_of(const void* memory) { return heap::page_map::find(memory).segment->heap->node; }

void move_to(int node) {
  run_on(node);
  heap::node_heaps::of_this_thread();
}

void each_node_has_a_heap() {
  for (const std::size_t bytes : kSizes) {
    for (const int node : {0, 1, 0}) {
      move_to(node);
      std::byte* memory = make(bytes);
      CHECK(node_of(memory) == node);
      give_back(memory);
      CHECK(make(bytes) == memory);
      give_back(memory);
    }
  }
}

/// It would use up the cache of a node that it has left, and never see the end of it in a loop.
void a_thread_that_moves_is_noticed() {
  for (const std::size_t bytes : kSizes) {
    move_to(0);
    give_back(make(bytes));
    run_on(1);
    int node = 0;
    for (int i = 0; i < 100 && node == 0; ++i) {
      std::byte* memory = make(bytes);
      node = node_of(memory);
      give_back(memory);
    }
    CHECK(node == 1);
  }
}

void what_another_node_frees_goes_home() {
  for (const std::size_t bytes : kSizes) {
    move_to(0);
    heap::trim();
    std::byte* memory = make(bytes);
    std::thread([&] {
      run_on(1);
      give_back(make(bytes));
      give_back(memory);
      std::byte* own = make(bytes);
      CHECK(node_of(own) == 1 && own != memory);
      give_back(own);
    }).join();
  }
}

void threads_hand_memory_to_and_fro() {
  std::vector<std::thread> threads;
  std::vector<std::byte*> pieces[4];
  for (int round = 0; round < 20; ++round) {
    for (int number = 0; number < 4; ++number) {
      threads.emplace_back([&, number] {
        run_on(number % 2);
        std::vector<std::byte*>& mine = pieces[(number + round) % 4];
        for (std::byte* memory : mine) {
          CHECK(test::all_are(test::kDirty, memory, 1 * KiB));
          give_back(memory);
        }
        mine.clear();
        for (int i = 0; i < 100; ++i) {
          mine.push_back(make(kSizes[i % 2]));
          test::make_dirty(mine.back(), 1 * KiB);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
  for (std::vector<std::byte*>& mine : pieces) {
    for (std::byte* memory : mine) give_back(memory);
  }
}

/// Returns how many bytes were idle at most.
std::size_t make_and_free(int node, std::size_t bytes) {
  move_to(node);
  std::vector<std::byte*> pieces;
  std::size_t most_idle = 0;
  for (std::size_t made = 0; made < bytes; made += MiB) {
    pieces.push_back(make(MiB - 4 * KiB));
    test::make_dirty(pieces.back(), MiB - 4 * KiB);
  }
  for (std::byte* memory : pieces) {
    give_back(memory);
    most_idle = std::max(most_idle, heap::sizes().idle_bytes);
  }
  return most_idle;
}

void all_together_keep_no_more_than_the_limit() {
  options().pool_limit = 16 * MiB;
  heap::apply_options();
  for (int turn = 0; turn < 3; ++turn) {
    CHECK(make_and_free(0, 40 * MiB) <= 16 * MiB);
    CHECK(make_and_free(1, 40 * MiB) <= 16 * MiB);
  }
  options().pool_limit = kAutomaticLimit;
}

void all_are_trimmed_and_age() {
  CHECK(make_and_free(0, 6 * MiB) >= 6 * MiB);
  CHECK(make_and_free(1, 6 * MiB) >= 12 * MiB);
  heap::trim();
  CHECK(heap::sizes().idle_bytes == 0);
  options().decay = 0.05;
  make_and_free(0, 6 * MiB);
  make_and_free(1, 6 * MiB);
  for (int i = 0; i < 1000 && heap::sizes().idle_bytes != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  CHECK(heap::sizes().idle_bytes == 0);
}

void another_node_helps_where_no_segment_can_be_mapped() {
  move_to(0);
  give_back(make(20 * KiB));
  CHECK(kSanitized || test::holds_in_child([] {
          move_to(0);
          std::vector<std::byte*> pieces;
          for (int i = 0; i < 20; ++i) pieces.push_back(make(MiB));
          for (std::byte* memory : pieces) give_back(memory);
          move_to(1);
          const rlimit limit{MiB, MiB};
          if (setrlimit(RLIMIT_AS, &limit) != 0) return false;
          std::size_t own = 0;
          while (node_of(make(100 * KiB)) == 1) ++own;  // until its segment is full
          return own * 100 * KiB <= 32 * MiB && node_of(make(3 * KiB)) == 0;
        }));
}

void children_have_all_of_them() {
  move_to(0);
  std::byte* first = make(MiB);
  move_to(1);
  std::byte* second = make(MiB);
  for (int turn = 0; turn < 3; ++turn) {
    CHECK(test::holds_in_child([&] {
      give_back(first);
      give_back(second);
      for (const int node : {0, 1}) {
        move_to(node);
        if (node_of(make(MiB)) != node) return false;
      }
      return true;
    }));
  }
  give_back(first);
  give_back(second);
}

}  // namespace

int main() {
  each_node_has_a_heap();
  a_thread_that_moves_is_noticed();
  what_another_node_frees_goes_home();
  threads_hand_memory_to_and_fro();
  all_together_keep_no_more_than_the_limit();
  another_node_helps_where_no_segment_can_be_mapped();
  children_have_all_of_them();
  all_are_trimmed_and_age();
}
