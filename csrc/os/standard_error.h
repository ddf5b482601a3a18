// Contract: a message reaches wherever the process's standard error goes now.
#pragma once

namespace zerofill::os {

void write_to_standard_error(const char* text) noexcept;

}  // namespace zerofill::os
