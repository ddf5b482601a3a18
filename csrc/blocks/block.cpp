#include "blocks/block.h"

#include "blocks/mapping.h"
#include "blocks/slabs.h"

namespace zerofill::blocks {

void purge(const Block& block) noexcept {
  block.slab != nullptr ? put_into_slab(block) : unmap_block(block);
}

}  // namespace zerofill::blocks
