// os/limits.h as a test wants it. The program that is linked with fake_budget.cpp has no
// other: the core's is in an archive, of which the linker takes only what is missing.
#pragma once

#include <cstddef>

namespace zerofill::test {

constexpr std::size_t kFakeTotal = std::size_t{16} << 30;
/// What budget.cpp keeps back of that.
constexpr std::size_t kFakeHeadroom = std::size_t{256} << 20;

/// What the system says is available from now on, and what is returned to it counts on top. At
/// first it is all.
void set_available(std::size_t bytes);

/// How often that was read.
int readings();

/// How many bytes of addresses are left. At first there is no limit.
void set_addresses_left(std::size_t bytes);

/// Whether the system says anything.
void set_readable(bool readable);

}  // namespace zerofill::test
