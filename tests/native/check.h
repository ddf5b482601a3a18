// What the native tests say their expectations with. A test is a program: 0 for kept promises.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace zerofill::test {

[[noreturn]] inline void fail(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: not true: %s\n", file, line, expression);
  // Not std::exit: other threads may be in the middle of what it would tear down.
  std::_Exit(1);
}

/// Whether `call()` throws an Error. What else it throws passes through.
template <typename Error, typename Call>
bool throws(Call call) {
  try {
    call();
  } catch (const Error&) {
    return true;
  }
  return false;
}

}  // namespace zerofill::test

/// Ends the program with status 1 when `condition` does not hold. Any thread.
#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : zerofill::test::fail(__FILE__, __LINE__, #condition))
