#include "python/memory_error.h"

#include "alloc/allocator.h"
#include "base/format.h"

namespace zerofill::python {
void raise_memory_error(double nbytes, const Reference& whom, const OutOfMemory& error,
                        bool lazy_helps) {
  if (!whom) return;
  char size[64];
  format_bytes(nbytes, size, sizeof size);
  const bool advises_lazy = lazy_helps && error.lazy_would_do() && nbytes < 9e18 &&
                            alloc::is_lazy_possible(static_cast<std::size_t>(nbytes));
  PyErr_Format(PyExc_MemoryError, "Unable to allocate %s for %U: %s%s", size, whom.get(),
               error.what(),
               advises_lazy ? "; commit=\"lazy\" would take memory only as pages are touched" : "");
}

}  // namespace zerofill::python
