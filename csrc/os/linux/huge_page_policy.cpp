#include "os/linux/huge_page_policy.h"

#include <cstdio>
#include <cstring>

#include "base/align.h"
#include "os/linux/read_line.h"

namespace zerofill::os {
namespace {

constexpr const char* kFolder = "/sys/kernel/mm/transparent_hugepage/";

bool read_setting(const char* name, char* text, std::size_t capacity) noexcept {
  char path[112];
  std::snprintf(path, sizeof path, "%s%s", kFolder, name);
  return read_line(path, text, capacity);
}

}  // namespace

bool read_policy(const char* name, Policy* policy) noexcept {
  char line[96];
  if (!read_setting(name, line, sizeof line)) return false;
  const char* open = std::strchr(line, '[');
  const char* close = open != nullptr ? std::strchr(open, ']') : nullptr;
  if (close == nullptr) return false;
  std::snprintf(*policy, sizeof *policy, "%.*s", static_cast<int>(close - open - 1), open + 1);
  return true;
}

std::size_t read_huge_page_bytes() noexcept {
  char line[96];
  unsigned long long size = 0;
  const bool known = read_setting("hpage_pmd_size", line, sizeof line) &&
                     std::sscanf(line, "%llu", &size) == 1 && is_power_of_two(size);
  return known ? size : 0;
}

bool read_policy_of_size(const char* file, std::size_t huge_page_bytes, Policy* policy) noexcept {
  if (!read_policy(file, policy)) {
    std::snprintf(*policy, sizeof *policy, "unsupported");
    return false;
  }
  char name[64];
  Policy of_size = "inherit";
  std::snprintf(name, sizeof name, "hugepages-%zukB/%s", huge_page_bytes / 1024, file);
  if (!read_policy(name, &of_size) || std::strcmp(of_size, "inherit") == 0) return false;
  std::memcpy(*policy, of_size, sizeof of_size);
  return true;
}

}  // namespace zerofill::os
