// Contract: NUMA nodes, and how memory is spread over them (numa(7)).
//
// On a machine with one node nothing here needs to be called.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/limits.h"

namespace zerofill::os {

/// Nodes, a bit each. Machines with a node of a higher number than 63 count as having one node.
using NodeMask = std::uint64_t;

constexpr int kMostNodes = 64;

constexpr NodeMask mask_of(int node) noexcept { return NodeMask{1} << node; }

/// Where pages are put, whichever thread touches them first: a memory policy, as mbind(2) takes it.
struct Placement {
  int mode = 0;  ///< of linux/mempolicy.h; 0: it is left to the system
  NodeMask nodes = 0;

  bool operator==(const Placement& other) const noexcept {
    return mode == other.mode && nodes == other.nodes;
  }
  bool operator!=(const Placement& other) const noexcept { return !(*this == other); }
};

constexpr Placement kUnplaced{};

/// The nodes that have memory, as they were when the library was loaded.
NodeMask nodes_with_memory() noexcept;

/// The same without those that the process may not use (cpuset(7)), now.
NodeMask allowed_nodes() noexcept;

inline bool has_several_nodes() noexcept {
  const NodeMask nodes = nodes_with_memory();
  return (nodes & (nodes - 1)) != 0;
}

/// Where the calling thread's pages are put: by its memory policy (set_mempolicy(2)), and where it
/// has none, on the node that it runs on, if that has room.
Placement placement_of_this_thread() noexcept;

/// The node on which that puts a page first: where it leaves a choice, the one that the thread runs
/// on.
int node_of_this_thread() noexcept;

/// On that node, and nowhere else.
Placement placement_on(int node) noexcept;

/// Page by page in turn, over all nodes that are allowed.
Placement interleaved_placement() noexcept;

bool is_interleaved(const Placement& placement) noexcept;

/// Has pages put there that are fresh in a range of whole pages. 0, or an errno value and then
/// nothing was changed.
int place_pages(void* address, std::size_t bytes, const Placement& placement) noexcept;

/// Nodes beside which there is nowhere else to go for pages of that placement: all that are
/// allowed, or those that it is bound to.
NodeMask limiting_nodes(const Placement& placement) noexcept;

/// Makes the memory of some nodes the budget if less is available there.
void apply_nodes_to_budget(NodeMask nodes, MemoryBudget* budget) noexcept;

/// What the calling thread's memory policy is called, and its nodes, for people: "default" or
/// "bind 0,1".
void describe_policy_of_this_thread(char* text, std::size_t capacity) noexcept;

/// Gives the calling thread, which is one of ours, the memory policy that the process had when the
/// library was loaded, and not that of whoever started it.
void reset_policy_of_this_thread() noexcept;

}  // namespace zerofill::os
