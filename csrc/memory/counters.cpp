#include "memory/counters.h"

namespace zerofill::memory {

Counters& counters() noexcept {
  static Counters instance;
  return instance;
}

}  // namespace zerofill::memory
