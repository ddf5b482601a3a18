#include "python/tracemalloc.h"

#include <Python.h>
#include <stdint.h>

/* numpy.lib.tracemalloc_domain */
static const unsigned int numpy_domain = 389047;

void zerofill_trace_memory(const void* address, size_t bytes) {
  (void)PyTraceMalloc_Track(numpy_domain, (uintptr_t)address, bytes);
}

void zerofill_untrace_memory(const void* address) {
  (void)PyTraceMalloc_Untrack(numpy_domain, (uintptr_t)address);
}
