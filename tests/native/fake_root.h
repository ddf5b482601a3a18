// A folder of made-up system files, to stand for "/" in the tests of os/linux/.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "check.h"

namespace zerofill::test {

/// A temporary folder; removed at the end of its scope, and left to look at when a CHECK fails.
class FakeRoot {
 public:
  FakeRoot() {
    std::string name = (std::filesystem::temp_directory_path() / "zerofill-XXXXXX").string();
    CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~FakeRoot() { std::filesystem::remove_all(path_); }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  const std::string& path() const { return path_; }

  /// Writes the file `name` ("/proc/meminfo"), and the folders above it where they are missing.
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream stream(file);
    stream << text;
    stream.close();
    CHECK(stream.good());
  }

 private:
  std::string path_;
};

}  // namespace zerofill::test
