// The clock for ages and deadlines.
#pragma once

#include <chrono>

namespace zerofill {

using Clock = std::chrono::steady_clock;

}  // namespace zerofill
