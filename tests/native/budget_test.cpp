// memory/budget: no eager request takes more than there is, however many come together.
#include "memory/budget.h"

#include <cstdint>

#include "check.h"
#include "gained.h"
#include "memory/allocator.h"
#include "os/limits.h"

namespace {

using namespace zerofill;
using memory::Commit;
using memory::OutOfMemory;
using memory::Reservation;

// More than any machine has, and less than where sizes overflow.
constexpr std::size_t kFarTooMuch = std::size_t{1} << 50;

/// Once that is there beside what other processes may take meanwhile, twice it is not.
std::size_t three_fifths_of_what_is_left() {
  os::MemoryBudget budget;
  CHECK(os::read_memory_budget(&budget) == 0);
  return budget.available_bytes / 5 * 3;
}

bool is_refused(std::size_t bytes) {
  return test::throws<OutOfMemory>([bytes] { Reservation reservation(bytes); });
}

void the_systems_figures_make_sense() {
  os::MemoryBudget budget;
  CHECK(os::read_memory_budget(&budget) == 0);
  CHECK(budget.available_bytes > 0);
  CHECK(budget.available_bytes <= budget.total_bytes);
  CHECK(budget.source[0] != '\0');
}

void far_too_much_is_refused_before_a_page_is_touched() {
  const test::Gained gained;
  bool lazy_would_do = false;
  try {
    memory::acquire({kFarTooMuch, 64, Commit::eager}, {});
  } catch (const OutOfMemory& error) {
    lazy_would_do = error.lazy_would_do();
  }
  CHECK(lazy_would_do);
  CHECK(gained.nothing());
}

void lazily_only_the_system_may_refuse_it() {
  try {
    memory::release(memory::acquire({kFarTooMuch, 64, Commit::lazy}, {}));
  } catch (const OutOfMemory& error) {
    CHECK(!error.lazy_would_do());
  }
}

void two_together_do_not_get_what_is_there_once() {
  const std::size_t bytes = three_fifths_of_what_is_left();
  const Reservation first(bytes);
  CHECK(is_refused(bytes));
}

void the_end_of_a_reservation_gives_back() {
  const std::size_t bytes = three_fifths_of_what_is_left();
  {
    const Reservation first(bytes);
  }
  CHECK(!is_refused(bytes));
}

void a_refusal_gives_back() {
  CHECK(is_refused(kFarTooMuch));
  CHECK(!is_refused(three_fifths_of_what_is_left()));
}

void a_refusal_takes_nothing_from_others() {
  const std::size_t bytes = three_fifths_of_what_is_left();
  const Reservation first(bytes);
  CHECK(is_refused(0xFFFFFFFFFFFFF000));  // together with the first, more than a size can say
  CHECK(is_refused(bytes));
}

void settling_gives_back() {
  const std::size_t bytes = three_fifths_of_what_is_left();
  Reservation first(bytes);
  first.settle(bytes - 1000);
  CHECK(!is_refused(bytes));
}

void settling_more_than_was_reserved_gives_back_that() {
  const std::size_t bytes = three_fifths_of_what_is_left();
  const Reservation first(bytes);
  Reservation second(1000);
  second.settle(bytes);
  CHECK(is_refused(bytes));
}

}  // namespace

int main() {
  the_systems_figures_make_sense();
  far_too_much_is_refused_before_a_page_is_touched();
  lazily_only_the_system_may_refuse_it();
  two_together_do_not_get_what_is_there_once();
  the_end_of_a_reservation_gives_back();
  a_refusal_gives_back();
  a_refusal_takes_nothing_from_others();
  settling_gives_back();
  settling_more_than_was_reserved_gives_back_that();
}
