#include "memory/options.h"

#include <algorithm>

#include "os/cpus.h"

namespace zerofill::memory {

Options& options() noexcept {
  static Options instance;
  static const bool started = [] {
    instance.num_threads.store(std::min(os::usable_cpus(), kMostThreads));
    return true;
  }();
  (void)started;
  return instance;
}

// Read as the library is loaded: no fork of another thread can come between.
[[maybe_unused]] const Options& kLoaded = options();

}  // namespace zerofill::memory
