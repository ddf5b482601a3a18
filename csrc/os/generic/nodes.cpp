// For systems where every machine counts as one node, so that most of this is never called.
#include "os/nodes.h"

#include <cerrno>
#include <cstdio>

namespace zerofill::os {

NodeMask nodes_with_memory() noexcept { return 1; }
NodeMask allowed_nodes() noexcept { return 1; }
Placement placement_of_this_thread() noexcept { return kUnplaced; }
int node_of_this_thread() noexcept { return 0; }
Placement placement_on(int) noexcept { return kUnplaced; }
Placement interleaved_placement() noexcept { return kUnplaced; }

bool is_interleaved(const Placement& /*placement*/) noexcept { return false; }
int place_pages(void*, std::size_t, const Placement&) noexcept { return ENOSYS; }
NodeMask limiting_nodes(const Placement&) noexcept { return 1; }
void apply_nodes_to_budget(NodeMask, MemoryBudget*) noexcept {}
void describe_policy_of_this_thread(char* text, std::size_t capacity) noexcept {
  std::snprintf(text, capacity, "default");
}
void reset_policy_of_this_thread() noexcept {}

}  // namespace zerofill::os
