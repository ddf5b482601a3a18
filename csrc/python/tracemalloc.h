/* Contract: Python's tracemalloc is told of array data in NumPy's domain. A C header: up to
 * Python 3.12 its own header declares these functions without regard to C++. */
#ifndef ZEROFILL_PYTHON_TRACEMALLOC_H
#define ZEROFILL_PYTHON_TRACEMALLOC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void zerofill_trace_memory(const void* address, size_t bytes);
void zerofill_untrace_memory(const void* address);

#ifdef __cplusplus
}
#endif

#endif
