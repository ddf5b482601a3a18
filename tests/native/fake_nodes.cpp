#include "fake_nodes.h"

#include "os/nodes.h"

namespace zerofill {
namespace {

thread_local int node_of_thread = 0;

}  // namespace

void test::run_on(int node) { node_of_thread = node; }

namespace os {

NodeMask nodes_with_memory() noexcept { return mask_of(0) | mask_of(1); }
NodeMask allowed_nodes() noexcept { return nodes_with_memory(); }
int node_of_this_thread() noexcept { return node_of_thread; }

// Where pages are is left to the system.
Placement placement_of_this_thread() noexcept { return kUnplaced; }
Placement placement_on(int) noexcept { return kUnplaced; }
Placement interleaved_placement() noexcept { return kUnplaced; }
bool is_interleaved(const Placement&) noexcept { return false; }
int place_pages(void*, std::size_t, const Placement&) noexcept { return 0; }
NodeMask limiting_nodes(const Placement&) noexcept { return nodes_with_memory(); }
void apply_nodes_to_budget(NodeMask, MemoryBudget*) noexcept {}
void describe_policy_of_this_thread(char*, std::size_t) noexcept {}
void reset_policy_of_this_thread() noexcept {}

}  // namespace os
}  // namespace zerofill
