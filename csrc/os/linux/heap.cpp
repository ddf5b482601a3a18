#include "os/heap.h"

#include <cstddef>

// Of glibc; other C libraries do not have it.
extern "C" int malloc_trim(std::size_t pad) __attribute__((weak));

namespace zerofill::os {

void trim_heap() noexcept {
  if (malloc_trim != nullptr) (void)malloc_trim(0);
}

}  // namespace zerofill::os
