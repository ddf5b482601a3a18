#include "python/memory_error.h"

#include "base/format.h"

namespace zerofill::python {
void raise_memory_error(double nbytes, const Reference& whom, const OutOfMemory& error,
                        bool lazy_helps) {
  if (!whom) return;
  char size[64];
  format_bytes(nbytes, size, sizeof size);
  PyErr_Format(PyExc_MemoryError, "Unable to allocate %s for %U: %s%s", size, whom.get(),
               error.what(),
               lazy_helps && error.lazy_would_do()
                   ? "; commit=\"lazy\" would take memory only as pages are touched"
                   : "");
}

}  // namespace zerofill::python
