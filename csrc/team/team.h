// Contract: the worker team, which runs one loop over independent chunks on several threads.
//
// The calling thread always works too, and the workers only help. So a loop is finished also when
// there are no workers, when they are busy with another caller's loop, and when a fork ends them in
// the middle. Workers start at the first loop that needs them, and park when there is none.
#pragma once

#include <cstddef>

namespace zerofill::team {

/// The question whether to stop a loop. The calling thread asks it between chunks, at most every
/// 20 ms.
struct Poll {
  /// Asked while no worker is in the loop, because the answer may run anything: another loop, or a
  /// Python signal handler that switches to a greenlet, which puts another stack in the place of
  /// the one that the loop is on.
  bool (*should_stop)(void* context) = nullptr;
  void* context = nullptr;
  /// Called just before, while the workers go on: waits for what should_stop needs, such as the
  /// GIL.
  void (*prepare)(void* context) = nullptr;
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

/// The CPUs that the process could use when the library was loaded; os::usable_cpus() reads files.
int usable_cpus() noexcept;

/// The most threads that a loop gets, the calling one counted: the option num_threads, or the CPUs
/// that may be used where that is automatic.
int max_threads() noexcept;

// For alloc/fork.cpp: the workers end before a fork, and start again when a loop needs them.
void end_workers_before_fork() noexcept;  // and let none start until afterwards
void allow_workers() noexcept;            // where there was no fork
void before_fork() noexcept;
void after_fork_in_parent() noexcept;
void after_fork_in_child() noexcept;

}  // namespace zerofill::team
