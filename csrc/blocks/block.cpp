#include "blocks/block.h"

#include "blocks/mapping.h"
#include "blocks/shared_block.h"
#include "blocks/slabs.h"

namespace zerofill::blocks {

void purge(const Block& block) noexcept {
  if (block.is_shared()) return unmap_shared_block(block);
  block.slab != nullptr ? put_into_slab(block) : unmap_block(block);
}

}  // namespace zerofill::blocks
