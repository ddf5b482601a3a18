// Going through a range of memory in chunks, on several threads.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/align.h"
#include "base/errors.h"
#include "team/team.h"
#include "zeroing/plan.h"

namespace zerofill::zeroing {

/// Calls body(start, bytes) for every chunk of a range of `bytes`, as the plan says. `start` is
/// counted from the start of the range. Throws Interrupted when the poll says stop.
template <typename Body>
void for_each_chunk(std::size_t bytes, const Plan& plan, const team::Poll& poll, Body body) {
  auto chunk = [&](std::size_t index) {
    const std::size_t start = index * plan.chunk_bytes;
    body(start, std::min(plan.chunk_bytes, bytes - start));
  };
  const std::size_t chunks = ceil_divide(bytes, plan.chunk_bytes);
  if (!team::parallel_for(chunks, plan.threads, poll, chunk)) throw Interrupted();
}

}  // namespace zerofill::zeroing
