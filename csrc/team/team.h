// Contract: the worker team, which runs one loop over independent chunks on several threads.
//
// The calling thread always works too, and the workers only help: a team that has no workers, is
// busy with another caller's loop or loses its workers to a fork in the middle still finishes the
// loop. Workers start at the first loop that wants them and park when there is none.
#pragma once

#include <cstddef>

namespace zerofill::team {

/// A question that the calling thread asks now and then, at most every 20 ms: stop the loop?
struct Poll {
  bool (*should_stop)(void* context) = nullptr;
  void* context = nullptr;
};

/// The loop's body: called once for each index below `chunks`, from any thread, in any order. It
/// must not throw.
struct Loop {
  void (*body)(void* context, std::size_t chunk);
  void* context;
  std::size_t chunks;
  int threads;  ///< at most that many, the calling one counted
};

/// Runs the loop. True when every chunk is done; false when the poll stopped it, and then no chunk
/// is being worked on any more, but which ones were done is not known.
bool run(const Loop& loop, const Poll& poll) noexcept;

/// run() for a callable `body(chunk)`.
template <typename Body>
bool parallel_for(std::size_t chunks, int threads, const Poll& poll, Body& body) noexcept {
  const auto call = [](void* context, std::size_t chunk) { (*static_cast<Body*>(context))(chunk); };
  return run({call, &body, chunks, threads}, poll);
}

/// Workers that exist now (parked ones counted).
int workers() noexcept;

}  // namespace zerofill::team
