#include "os/standard_error.h"

#include <windows.h>

#include <cstring>

namespace zerofill::os {

// Not by the C library, which is another one than Python's: each has a table of open files of its
// own, and Python's os.dup2() changes one alone. It sets the handle for the process too.
void write_to_standard_error(const char* text) noexcept {
  DWORD written = 0;
  const auto bytes = static_cast<DWORD>(std::strlen(text));
  WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, bytes, &written, nullptr);
}

}  // namespace zerofill::os
