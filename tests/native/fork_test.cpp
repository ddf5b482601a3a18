// A fork at any moment: both processes go on working, and no thread of ours is in its way.
#include "os/fork.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <string_view>
#include <thread>

#include "alloc/fork.h"
#include "base/errors.h"
#include "blocks/budget.h"
#include "check.h"
#include "child.h"
#include "os/limits.h"
#include "os/threads.h"
#include "team/team.h"

namespace {

using namespace zerofill;
using test::ended_well;
using test::holds_in_child;

/// A loop of 400 chunks on four threads. It takes no memory: in the child of a fork, a sanitizer's
/// allocator may stay locked for ever by a thread that is not there.
class CountedLoop {
 public:
  explicit CountedLoop(unsigned chunk_microseconds = 100)
      : chunk_microseconds_(chunk_microseconds) {}

  /// Whether each chunk has run exactly once.
  bool run(const team::Poll& poll = {}) {
    auto body = [this](std::size_t chunk) {
      os::sleep_microseconds(chunk_microseconds_);
      runs_[chunk].fetch_add(1);
    };
    if (!team::parallel_for(runs_.size(), 4, poll, body)) return false;
    for (const auto& count : runs_) {
      if (count != 1) return false;
    }
    return true;
  }

 private:
  unsigned chunk_microseconds_;
  std::array<std::atomic<int>, 400> runs_{};
};

[[noreturn]] void end_child(bool good) { _exit(good ? 0 : 1); }

void no_workers_are_left_on_either_side() {
  CHECK(CountedLoop().run());
  CHECK(team::workers() == 3);
  const int threads = os::count_threads();
  CHECK(holds_in_child([] { return team::workers() == 0; }));
  CHECK(team::workers() == 0);
  CHECK(threads == 0 || os::count_threads() == threads - 3);  // 0: the system does not say
}

bool a_loop_gets_its_workers() { return CountedLoop().run() && team::workers() == 3; }

void workers_start_again_on_both_sides() {
  CHECK(holds_in_child(a_loop_gets_its_workers));
  CHECK(a_loop_gets_its_workers());
}

void another_thread_forks_in_the_middle_of_a_loop() {
  std::atomic<bool> done{false};
  std::thread forker([&done] {
    for (int i = 0; i < 50; ++i) CHECK(holds_in_child(a_loop_gets_its_workers));
    done = true;
  });
  while (!done) CHECK(CountedLoop().run());
  forker.join();
}

bool fork_once(void* context) {
  auto* child = static_cast<pid_t*>(context);
  if (*child != -1) return false;
  *child = fork();
  if (*child == 0) alarm(10);
  return false;
}

/// As a signal handler of Python's can, which runs when the poll asks for it.
void the_caller_forks_in_the_middle_of_its_own_loop() {
  pid_t child = -1;
  // 50 ms at least, for the poll is asked after 20.
  const bool whole = CountedLoop(500).run({fork_once, &child});
  if (child == 0) end_child(whole);
  CHECK(child > 0);
  CHECK(whole);
  CHECK(ended_well(child));
}

void the_childs_ledger_is_empty() {
  os::MemoryBudget budget;
  CHECK(os::read_memory_budget(&budget) == 0);
  const std::size_t most_of_it = budget.available_bytes / 10 * 6;
  const blocks::Reservation parents(most_of_it);
  CHECK(holds_in_child([most_of_it] {
    return !test::throws<OutOfMemory>([&] { blocks::Reservation childs(most_of_it); });
  }));
}

/// Each hook adds its letter to what the process has seen.
char seen[8];
int seen_length = 0;
template <char letter>
void see() {
  seen[seen_length++] = letter;
}

void hooks_run_in_their_order() {
  CHECK(os::on_fork(see<'a'>, see<'b'>, see<'c'>) == 0);
  CHECK(os::on_fork(see<'A'>, see<'B'>, see<'C'>) == 0);
  CHECK(holds_in_child([] { return std::string_view(seen) == "AacC"; }));
  CHECK(std::string_view(seen) == "AabB");
}

}  // namespace

int main() {
  CHECK(alloc::register_fork_handlers() == 0);  // nothing here links the allocator, which does it
  no_workers_are_left_on_either_side();
  workers_start_again_on_both_sides();
  another_thread_forks_in_the_middle_of_a_loop();
  the_caller_forks_in_the_middle_of_its_own_loop();
  the_childs_ledger_is_empty();
  hooks_run_in_their_order();
}
