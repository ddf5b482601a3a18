// The clock by which ages and deadlines are told.
#pragma once

#include <chrono>

namespace zerofill {

using Clock = std::chrono::steady_clock;

}  // namespace zerofill
