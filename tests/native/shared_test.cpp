// Shared blocks: what is sent is kept until it has arrived, what nobody else has is used again, and
// nothing that is left of a process keeps memory or descriptors.
#include "os/shared.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/counters.h"
#include "base/errors.h"
#include "base/options.h"
#include "base/units.h"
#include "blocks/pool.h"
#include "blocks/shared_block.h"
#include "bytes.h"
#include "check.h"
#include "child.h"
#include "gained.h"
#include "os/pages.h"
#include "os/threads.h"

namespace {

using namespace zerofill;
using alloc::Allocation;
using alloc::Commit;
using test::all_are;
using test::kZero;

/// As if this process, which runs, were above itself.
const alloc::Relatives kSelf{getpid()};

Allocation zeros(std::size_t bytes, Commit commit = Commit::eager, std::size_t alignment = 64) {
  alloc::Request request{bytes, alignment, commit};
  request.shared = true;
  return alloc::acquire(request, {});
}

/// Without those that the background thread reads figures by, just then.
std::ptrdiff_t open_descriptors() {
  std::ptrdiff_t fewest = PTRDIFF_MAX;
  for (int turn = 0; turn < 5; ++turn) {
    const auto now = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
    fewest = std::min<std::ptrdiff_t>(fewest, now);
    os::sleep_microseconds(2000);
  }
  return fewest;
}

/// As another process would: by its path.
os::SharedHandle open_again(const Allocation& memory) {
  char path[64];
  CHECK(os::find_shared_path(memory.block().shared, path, sizeof path));
  const int file = open(path, O_RDWR | O_CLOEXEC);
  CHECK(file >= 0);
  return file;
}

Allocation receive(const Allocation& sent, const blocks::Ticket& ticket, bool writable = true) {
  return alloc::receive({open_again(sent), sent.bytes(), 64, ticket, writable});
}

void blocks_are_zero_aligned_and_resident() {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, MiB, 9 * MiB + 1}) {
    for (const std::size_t alignment : {std::size_t{1}, 4 * KiB, 2 * MiB, 64 * MiB}) {
      const auto made = zeros(bytes, Commit::eager, alignment);
      CHECK(reinterpret_cast<std::uintptr_t>(made.data()) % alignment == 0);
      CHECK(made.data() == made.block().address);
      CHECK(all_are(kZero, made.data(), bytes));
      CHECK(os::missing_bytes(made.block().address, made.block().bytes) == 0);
      test::make_dirty(made.data(), bytes);
    }
  }
}

void sizes_that_overflow_are_refused() {
  for (const std::size_t bytes : {~std::size_t{0}, std::size_t{1} << 63, std::size_t{1} << 50}) {
    CHECK(test::throws<OutOfMemory>([bytes] { zeros(bytes); }));
    CHECK(test::throws<OutOfMemory>([bytes] { zeros(bytes, Commit::lazy); }));
  }
}

void the_limit_of_files_is_kept_without_a_signal() {
  CHECK(test::holds_in_child([] {
    const rlimit limit{MiB, MiB};
    setrlimit(RLIMIT_FSIZE, &limit);
    return test::throws<OutOfMemory>([] { zeros(2 * MiB); }) && zeros(64 * KiB).data() != nullptr;
  }));
}

/// Which would undo what the system has done so far of a long call.
void signals_at_any_moment_keep_nothing_from_ending() {
  CHECK(test::holds_in_child([] {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    sigaction(SIGUSR1, &action, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    timer_t timer{};
    const itimerspec every_half_millisecond{{0, 500'000}, {0, 500'000}};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return false;
    timer_settime(timer, 0, &every_half_millisecond, nullptr);
    for (int turn = 0; turn < 5; ++turn) {
      const Allocation made = zeros(64 * MiB);
      if (!all_are(kZero, made.data(), made.bytes())) return false;
    }
    return true;
  }));
}

void the_limit_of_descriptors_is_kept() {
  CHECK(test::holds_in_child([] {
    const std::ptrdiff_t before = open_descriptors();
    const rlimit limit{64, 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<Allocation> made;
    const bool refused = test::throws<OutOfMemory>([&] {
      for (int i = 0; i < 100; ++i) made.push_back(zeros(4096));
    });
    const bool many = made.size() > 32;
    made.clear();
    alloc::trim();
    return refused && many && open_descriptors() == before;
  }));
}

void what_nobody_else_had_is_used_again() {
  alloc::trim();
  auto made = zeros(8 * MiB);
  const std::uint64_t identity = made.identity();
  const std::byte* address = made.data();
  test::make_dirty(made.data(), 8 * MiB);
  made.release();
  const test::Gained gained;
  const auto again = zeros(8 * MiB);
  CHECK(gained.misses() == 0 && again.data() == address);
  CHECK(all_are(kZero, again.data(), 8 * MiB));
  CHECK(again.identity() != identity);
}

void private_and_shared_memory_never_mix() {
  alloc::trim();
  zeros(8 * MiB).release();
  const test::Gained gained;
  const auto own = alloc::acquire({8 * MiB, 64, Commit::eager}, {});
  CHECK(gained.misses() == 1 && !own.block().is_shared());
  alloc::acquire({8 * MiB, 64, Commit::eager}, {}).release();
  const auto shared = zeros(8 * MiB);
  CHECK(shared.block().is_shared());
}

void what_was_received_is_the_same_memory() {
  const auto made = zeros(MiB);
  const auto received = receive(made, const_cast<Allocation&>(made).send({}));
  CHECK(received.data() != nullptr && received.data() != made.data());
  made.data()[5] = std::byte{1};
  received.data()[6] = std::byte{2};
  CHECK(received.data()[5] == std::byte{1} && made.data()[6] == std::byte{2});
  const auto reader = receive(made, const_cast<Allocation&>(made).send({}), false);
  CHECK(reader.data()[5] == std::byte{1});
  CHECK(test::dies_in_child([&] { reader.data()[5] = std::byte{3}; }));
}

void what_others_have_is_not_used_again() {
  alloc::trim();
  auto made = zeros(8 * MiB);
  auto received = receive(made, made.send({}));
  made.data()[0] = std::byte{7};
  made.release();
  {
    const test::Gained gained;
    const auto other = zeros(8 * MiB);
    CHECK(gained.misses() == 1);
    test::make_dirty(other.data(), 8 * MiB);
    CHECK(received.data()[0] == std::byte{7} && received.data()[1] == std::byte{0});
  }
  alloc::trim();
  auto third = zeros(8 * MiB);
  {
    const auto for_a_moment = receive(third, third.send({}));
  }
  third.release();  // the receiver has given it up
  const test::Gained gained;
  zeros(8 * MiB).release();
  CHECK(gained.misses() == 0);
}

void a_message_keeps_the_memory_until_it_has_arrived() {
  alloc::trim();
  const std::ptrdiff_t before = open_descriptors();
  auto made = zeros(MiB);
  const blocks::Ticket ticket = made.send(kSelf);  // which runs
  char path[64];
  CHECK(os::find_shared_path(made.block().shared, path, sizeof path));
  made.data()[9] = std::byte{9};
  made.release();
  CHECK(alloc::kept_bytes() != 0);
  os::sleep_microseconds(200'000);
  CHECK(alloc::kept_bytes() != 0);
  {
    const int file = open(path, O_RDWR | O_CLOEXEC);
    const auto received = alloc::receive({file, MiB, 64, ticket, true});
    CHECK(received.data()[9] == std::byte{9});
    alloc::give_up_received();
    CHECK(alloc::kept_bytes() == 0);
  }
  CHECK(open_descriptors() == before);
}

template <typename Condition>
void wait_for(Condition holds) {
  for (int waited = 0; !holds(); ++waited) {
    CHECK(waited < 10'000);
    os::sleep_microseconds(1000);
  }
}

void what_nobody_can_receive_is_given_up() {
  options().decay = 0.01;
  alloc::trim();
  const std::ptrdiff_t before = open_descriptors();
  auto made = zeros(MiB);
  (void)made.send({});
  made.release();
  CHECK(alloc::kept_bytes() != 0);
  wait_for([] { return alloc::kept_bytes() == 0; });
  options().decay = 10.0;
  wait_for([=] {
    alloc::trim();
    return open_descriptors() == before;
  });
}

void give_up_at_once() {
  const double decay = options().decay.exchange(0);
  wait_for([] { return alloc::kept_bytes() == 0; });
  options().decay = decay;
}

void a_message_about_former_memory_is_refused() {
  alloc::trim();
  auto made = zeros(MiB);
  blocks::Ticket ticket = made.send({});
  ticket.identity ^= 1;
  CHECK(receive(made, ticket).data() == nullptr);
  CHECK(!made.receive(ticket));
  const int pipe_or_file = open("/dev/null", O_RDWR);
  CHECK(alloc::receive({pipe_or_file, MiB, 64, ticket, true}).data() == nullptr);
  ticket.identity ^= 1;
  CHECK(alloc::receive({open_again(made), 2 * MiB, 64, ticket, true}).data() == nullptr);
  CHECK(made.receive(ticket));
}

void thousands_of_messages_are_told_apart() {
  auto made = zeros(4096);
  std::vector<blocks::Ticket> tickets;
  for (int i = 0; i < 3000; ++i) tickets.push_back(made.send(kSelf));
  for (std::size_t i = 0; i + 1 < tickets.size(); ++i) CHECK(made.receive(tickets[i]));
  for (int i = 0; i < 10; ++i) CHECK(made.receive(tickets[0]));  // twice is once
  made.receive(tickets.back());
  made.release();
  CHECK(alloc::kept_bytes() == 0);
}

void a_fork_shares_it_and_keeps_private_memory_private() {
  auto made = zeros(4 * MiB);
  const auto own = alloc::acquire({4 * MiB, 64, Commit::eager}, {});
  CHECK(test::holds_in_child([&] {
    made.data()[1] = own.data()[1] = std::byte{1};
    auto mine = zeros(4 * MiB);
    made.release();
    zeros(4 * MiB).release();
    return all_are(kZero, mine.data(), 4 * MiB);
  }));
  CHECK(made.data()[1] == std::byte{1} && own.data()[1] == std::byte{0});
  const std::byte* address = made.data();
  made.release();
  const auto other = zeros(4 * MiB);
  CHECK(other.data() != address || all_are(kZero, other.data(), 4 * MiB));
}

void the_child_of_a_fork_keeps_nothing_of_its_parents() {
  auto made = zeros(MiB);
  (void)made.send({});
  made.release();
  CHECK(alloc::kept_bytes() != 0);
  CHECK(test::holds_in_child([] { return alloc::kept_bytes() == 0; }));
  give_up_at_once();
}

void threads_share_and_send() {
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([] {
      for (int turn = 0; turn < 60; ++turn) {
        auto made = zeros(64 * KiB);
        CHECK(all_are(kZero, made.data(), 64 * KiB));
        test::make_dirty(made.data(), 64 * KiB);
        const auto received = receive(made, made.send(kSelf));
        made.release();
        CHECK(!all_are(kZero, received.data(), 64 * KiB));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  alloc::give_up_received();
  CHECK(alloc::kept_bytes() == 0);
}

/// Also where the system gives shared memory none by itself. It may refuse them for a while, or be
/// so slow that small pages are made after the first few.
void large_eager_blocks_are_on_huge_pages() {
  const bool are_there = os::huge_page_bytes() != 0 && os::has_shared_huge_pages();
  const auto granted_bytes = [](std::size_t bytes) {
    alloc::trim();
    const auto before = counters().populated_huge.value();
    const Allocation made = zeros(bytes);
    CHECK(all_are(kZero, made.data(), made.bytes()));
    return counters().populated_huge.value() - before;
  };
  bool granted = false;
  for (int turn = 0; turn < (are_there ? 60 : 1) && !granted; ++turn) {
    if (turn != 0) os::sleep_microseconds(500'000);
    granted = granted_bytes(32 * MiB) != 0;
  }
  CHECK(granted == are_there);
  CHECK(granted_bytes(MiB) == 0);
  CHECK(zeros(32 * MiB, Commit::lazy).block().huge_pages == os::are_shared_faults_huge());
  options().huge_pages = false;
  CHECK(granted_bytes(32 * MiB) == 0);
  options().huge_pages = true;
}

}  // namespace

int main() {
  blocks_are_zero_aligned_and_resident();
  large_eager_blocks_are_on_huge_pages();
  sizes_that_overflow_are_refused();
  the_limit_of_files_is_kept_without_a_signal();
  signals_at_any_moment_keep_nothing_from_ending();
  the_limit_of_descriptors_is_kept();
  what_nobody_else_had_is_used_again();
  private_and_shared_memory_never_mix();
  what_was_received_is_the_same_memory();
  what_others_have_is_not_used_again();
  a_message_keeps_the_memory_until_it_has_arrived();
  what_nobody_can_receive_is_given_up();
  a_message_about_former_memory_is_refused();
  thousands_of_messages_are_told_apart();
  a_fork_shares_it_and_keeps_private_memory_private();
  the_child_of_a_fork_keeps_nothing_of_its_parents();
  threads_share_and_send();
}
