// base/errors: what a refused request says.
#include "base/errors.h"

#include <cerrno>
#include <string>
#include <system_error>

#include "base/units.h"
#include "check.h"

namespace {

using zerofill::OutOfMemory;

std::string available(std::size_t bytes) { return OutOfMemory(bytes, "limit").what(); }

void the_systems_refusal_has_its_words() {
  const OutOfMemory error(ENOMEM);
  const std::string words = std::generic_category().message(ENOMEM);
  CHECK(error.what() == "the system refused the mapping (" + words + ")");
}

void the_systems_refusal_leaves_no_way() {
  const OutOfMemory error(ENOMEM);
  CHECK(!error.lazy_would_do());
}

void the_budgets_refusal_leaves_the_lazy_way() {
  const OutOfMemory error(99, "limit");
  CHECK(error.lazy_would_do());
}

void the_budgets_refusal_names_what_is_left() {
  CHECK(available(0) == "0 bytes can still be used (limit)");
  CHECK(available(999) == "999 bytes can still be used (limit)");
  CHECK(available(1024) == "1.00 KiB can still be used (limit)");
  CHECK(available(1536) == "1.50 KiB can still be used (limit)");
  CHECK(available(std::size_t{123} << 20) == "123. MiB can still be used (limit)");
  CHECK(available(std::size_t{5} << 29) == "2.50 GiB can still be used (limit)");
  CHECK(available(std::size_t{1} << 50) == "1.00 PiB can still be used (limit)");
}

/// From 1000 to 1023 of a unit, three significant figures are one too few.
void what_is_left_is_never_written_with_an_exponent() {
  CHECK(available(std::size_t{1000} << 10) == "1000 KiB can still be used (limit)");
  CHECK(available(std::size_t{1023} << 20) == "1023 MiB can still be used (limit)");
  CHECK(available((std::size_t{1} << 30) - 1) == "1.00 GiB can still be used (limit)");
}

void a_long_name_of_a_limit_is_cut() {
  const OutOfMemory error(1024, std::string(1000, 'x').c_str());
  const std::string text = error.what();
  CHECK(text.size() == 319);
  CHECK(text.compare(0, 32, "1.00 KiB can still be used (xxxx") == 0);
}

}  // namespace

int main() {
  the_systems_refusal_has_its_words();
  the_systems_refusal_leaves_no_way();
  the_budgets_refusal_leaves_the_lazy_way();
  the_budgets_refusal_names_what_is_left();
  what_is_left_is_never_written_with_an_exponent();
  a_long_name_of_a_limit_is_cut();
}
