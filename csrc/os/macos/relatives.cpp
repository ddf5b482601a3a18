// Untried on macOS (compiled only).
#include "os/relatives.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace zerofill::os {

int this_process() noexcept { return getpid(); }

int this_process_in_paths() noexcept { return this_process(); }

// multiprocessing's own thread keeps handles
bool has_running_child(int /*starter*/, int /*tracker*/) noexcept { return true; }

bool runs_same_program(int process) noexcept { return kill(process, 0) == 0 || errno == EPERM; }

}  // namespace zerofill::os
