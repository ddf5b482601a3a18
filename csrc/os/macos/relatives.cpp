// Untried on macOS (compiled only).
#include "os/relatives.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace zerofill::os {

int this_process() noexcept { return getpid(); }

bool has_running_child() noexcept { return true; }  // multiprocessing's own thread keeps handles

bool is_running(int process) noexcept { return kill(process, 0) == 0 || errno == EPERM; }

}  // namespace zerofill::os
