#include "base/counters.h"

namespace zerofill {
namespace {

Counters instance;

}  // namespace

Counters& counters() noexcept { return instance; }

}  // namespace zerofill
