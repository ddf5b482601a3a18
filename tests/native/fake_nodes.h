// os/nodes.h as a test wants it: a machine with two nodes. Linked as fake_budget.h says.
#pragma once

namespace zerofill::test {

/// Has the calling thread run on a node: 0, as all do at first, or 1.
void run_on(int node);

}  // namespace zerofill::test
