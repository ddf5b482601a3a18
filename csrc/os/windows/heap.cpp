#include "os/heap.h"

#include <malloc.h>

namespace zerofill::os {

void trim_heap() noexcept { (void)_heapmin(); }

}  // namespace zerofill::os
