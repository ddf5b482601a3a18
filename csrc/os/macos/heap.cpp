#include "os/heap.h"

#include <malloc/malloc.h>

namespace zerofill::os {

void trim_heap() noexcept { (void)malloc_zone_pressure_relief(nullptr, 0); }

}  // namespace zerofill::os
