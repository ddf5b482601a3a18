// Untried on Windows itself (compiled with MinGW-w64, run under Wine).
#include "os/fork.h"

namespace zerofill::os {

int on_fork(void (* /*prepare*/)(), void (* /*parent*/)(), void (* /*child*/)()) noexcept {
  return 0;
}

}  // namespace zerofill::os
