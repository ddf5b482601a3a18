#include "os/standard_error.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace zerofill::os {

void write_to_standard_error(const char* text) noexcept {
  const std::size_t bytes = std::strlen(text);
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t written = write(STDERR_FILENO, text + done, bytes - done);
    if (written > 0) {
      done += static_cast<std::size_t>(written);
    } else if (written == 0 || errno != EINTR) {
      return;
    }
  }
}

}  // namespace zerofill::os
