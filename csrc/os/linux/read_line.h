// Contract: the first line of one of the kernel's files. For os/linux/ alone.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstring>

namespace zerofill::os {

/// Without the newline; false where there is no such file, or nothing in it.
inline bool read_line(const char* path, char* text, std::size_t capacity) noexcept {
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return false;
  const bool is_read = std::fgets(text, static_cast<int>(capacity), file) != nullptr;
  std::fclose(file);
  if (is_read) text[std::strcspn(text, "\n")] = '\0';
  return is_read;
}

}  // namespace zerofill::os
