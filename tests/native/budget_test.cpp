// blocks/budget: no eager request takes more than there is, however many come together.
#include "blocks/budget.h"

#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "alloc/allocator.h"
#include "base/errors.h"
#include "base/units.h"
#include "check.h"
#include "fake_budget.h"
#include "gained.h"

namespace {

using namespace zerofill;
using alloc::Commit;
using blocks::Reservation;

// More than any machine has, and less than where sizes overflow.
constexpr std::size_t kFarTooMuch = std::size_t{1} << 50;

constexpr std::size_t kAvailable = 10000 * MiB;
/// Once that is there, twice it is not.
constexpr std::size_t kThreeFifths = (kAvailable - test::kFakeHeadroom) / 5 * 3;

bool is_refused(std::size_t bytes) {
  return test::throws<OutOfMemory>([bytes] { Reservation reservation(bytes); });
}

void exactly_what_is_there_is_granted() {
  CHECK(!is_refused(kAvailable - test::kFakeHeadroom));
  CHECK(is_refused(kAvailable - test::kFakeHeadroom + 1));
}

/// As when there is no file descriptor left. What was granted meanwhile is taken off.
void where_nothing_can_be_read_the_last_known_figures_serve() {
  CHECK(is_refused(kFarTooMuch));  // which reads them
  test::set_readable(false);
  CHECK(is_refused(kFarTooMuch));
  CHECK(!blocks::is_memory_low());
  {
    const Reservation granted(kThreeFifths);
    CHECK(is_refused(kThreeFifths));
  }
  CHECK(is_refused(kThreeFifths));
  test::set_readable(true);
  CHECK(!is_refused(kThreeFifths));
}

void memory_is_short_below_twice_what_is_kept_back() {
  test::set_available(2 * test::kFakeHeadroom);
  CHECK(!blocks::is_memory_low());
  test::set_available(2 * test::kFakeHeadroom - 1);
  CHECK(blocks::is_memory_low());
  test::set_available(kAvailable);
}

void far_too_much_is_refused_before_a_page_is_touched() {
  const test::Gained gained;
  bool lazy_would_do = false;
  try {
    alloc::acquire({kFarTooMuch, 64, Commit::eager}, {});
  } catch (const OutOfMemory& error) {
    lazy_would_do = error.lazy_would_do();
  }
  CHECK(lazy_would_do);
  CHECK(gained.nothing());
}

void lazily_only_the_system_may_refuse_it() {
  try {
    alloc::acquire({kFarTooMuch, 64, Commit::lazy}, {});
  } catch (const OutOfMemory& error) {
    CHECK(!error.lazy_would_do());
  }
}

void two_together_do_not_get_what_is_there_once() {
  const Reservation first(kThreeFifths);
  CHECK(is_refused(kThreeFifths));
}

void the_end_of_a_reservation_gives_back() {
  {
    const Reservation first(kThreeFifths);
  }
  CHECK(!is_refused(kThreeFifths));
}

void a_refusal_gives_back() {
  CHECK(is_refused(kFarTooMuch));
  CHECK(!is_refused(kThreeFifths));
}

void a_refusal_takes_nothing_from_others() {
  const Reservation first(kThreeFifths);
  CHECK(is_refused(0xFFFFFFFFFFFFF000));  // together with the first, more than a size can say
  CHECK(is_refused(kThreeFifths));
}

void settling_gives_back() {
  Reservation first(kThreeFifths);
  first.settle(kThreeFifths - 1000);
  CHECK(!is_refused(kThreeFifths));
}

void settling_more_than_was_reserved_gives_back_that() {
  const Reservation first(kThreeFifths);
  Reservation second(1000);
  second.settle(kThreeFifths);
  CHECK(is_refused(kThreeFifths));
}

/// One look at the system serves those that come shortly after. It may take long before a thread
/// runs again, so that is tried more than once.
void a_small_request_needs_no_look_of_its_own() {
  int looks = 1;
  for (int turn = 0; turn < 1000 && looks != 0; ++turn) {
    const Reservation first(MiB);
    looks = -test::readings();
    const Reservation second(MiB);
    looks += test::readings();
  }
  CHECK(looks == 0);
}

void without_figures_small_requests_get_no_more_than_was_left() {
  test::set_available(test::kFakeHeadroom + 100 * MiB);
  CHECK(!is_refused(MiB));
  test::set_readable(false);
  int granted = 0;
  while (granted < 1000 && !is_refused(MiB)) ++granted;  // which do not become resident
  CHECK(granted <= 100);
  test::set_readable(true);
  test::set_available(kAvailable);
}

/// But for what one look allows, which others may not see at once: it is a part of the headroom.
void small_requests_together_get_no_more_than_there_is() {
  constexpr std::size_t kLeft = 100 * MiB;
  for (int turn = 0; turn < 20; ++turn) {
    test::set_available(test::kFakeHeadroom + kLeft);
    std::deque<Reservation> granted[4];
    std::vector<std::thread> threads;
    for (auto& mine : granted) {
      threads.emplace_back([&mine] {
        (void)test::throws<OutOfMemory>([&mine] {
          while (true) mine.emplace_back(64 * KiB);
        });
      });
    }
    std::size_t bytes = 0;
    for (auto& thread : threads) thread.join();
    for (const auto& mine : granted) bytes += mine.size() * 64 * KiB;
    CHECK(bytes <= kLeft + test::kFakeHeadroom / 4);
    CHECK(bytes >= kLeft - 256 * KiB);
  }
  test::set_available(kAvailable);
}

/// Whatever the system's figures said a moment ago.
void what_has_become_resident_is_part_of_what_was_left() {
  test::set_available(test::kFakeHeadroom + 100 * MiB);
  int last = test::readings();
  int since = 0;
  for (int turn = 0; turn < 1000; ++turn) {
    Reservation made(MiB);
    made.settle(MiB);
    since = test::readings() == last ? since + 1 : 0;
    last = test::readings();
    CHECK(since <= 6);  // a sixteenth
  }
  test::set_available(kAvailable);
}

/// It reserves nothing yet, so that what its parent may reserve would be too much.
void the_child_of_a_fork_looks_for_itself() {
  Reservation parents(kThreeFifths);
  const int before = test::readings();
  blocks::forget_reservations_in_child();
  const Reservation childs(MiB);
  CHECK(test::readings() == before + 1);
}

}  // namespace

int main() {
  test::set_available(kAvailable);
  exactly_what_is_there_is_granted();
  where_nothing_can_be_read_the_last_known_figures_serve();
  memory_is_short_below_twice_what_is_kept_back();
  far_too_much_is_refused_before_a_page_is_touched();
  lazily_only_the_system_may_refuse_it();
  two_together_do_not_get_what_is_there_once();
  the_end_of_a_reservation_gives_back();
  a_refusal_gives_back();
  a_refusal_takes_nothing_from_others();
  settling_gives_back();
  settling_more_than_was_reserved_gives_back_that();
  a_small_request_needs_no_look_of_its_own();
  without_figures_small_requests_get_no_more_than_was_left();
  small_requests_together_get_no_more_than_there_is();
  what_has_become_resident_is_part_of_what_was_left();
  the_child_of_a_fork_looks_for_itself();
}
