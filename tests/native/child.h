// What holds in the child of a fork.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

namespace zerofill::test {

/// Whether a child has ended by itself, with status 0.
inline bool ended_well(pid_t child) {
  int status = -1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Whether `promise()` holds in the child of a fork, and the answer is there within 10 s.
template <typename Promise>
bool holds_in_child(Promise promise) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    _exit(promise() ? 0 : 1);
  }
  return child > 0 && ended_well(child);
}

/// Whether the child of a fork does not survive `act()`: by a signal, or as a sanitizer answers it.
template <typename Act>
bool dies_in_child(Act act) {
  return !holds_in_child([&] {
    act();
    return true;
  });
}

}  // namespace zerofill::test
