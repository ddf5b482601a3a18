#include "os/fork.h"

#include <pthread.h>

namespace zerofill::os {

int on_fork(void (*prepare)(), void (*parent)(), void (*child)()) noexcept {
  return pthread_atfork(prepare, parent, child);
}

}  // namespace zerofill::os
