"""Put one fault at a time into the core, and see the native tests find it.

``python tests/trust/mutants.py [WORD...]`` needs CMake, Ninja and a C++ compiler. It works on a
copy, and runs the faults whose names contain one of the words, or all of them. A fault counts as
found when each of its tests fails; a test that hangs has failed.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).parents[2]


class Mutant(NamedTuple):
    """A fault: `old`, which stands once in the file, becomes `new`, and these tests find it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    preset: str = "debug"


ALLOCATOR = "csrc/alloc/allocator.cpp"
ALLOCATION = "csrc/alloc/allocation.cpp"
ATTACHMENTS = "csrc/alloc/attachments.cpp"
MAPPING = "csrc/blocks/mapping.cpp"
SLABS = "csrc/blocks/slabs.cpp"
HEAP = "csrc/heap/heap.cpp"
NODE_HEAPS = "csrc/heap/node_heaps.cpp"
PAGE_HEAP = "csrc/heap/page_heap.cpp"

MUTANTS = [
    Mutant(
        "a dirty block is not zeroed",
        ALLOCATOR,
        "zeroing::zero_range(reused.data(), visible, poll);",
        "",
        ("allocator_test", "pool_test"),
    ),
    Mutant(
        "a dirty block is zeroed except for its last page",
        ALLOCATOR,
        "zeroing::zero_range(reused.data(), visible, poll);",
        "zeroing::zero_range(reused.data(), visible - 4096, poll);",
        ("allocator_test", "pool_test"),
    ),
    Mutant(
        "a freed block is still marked as zero",
        ALLOCATION,
        "block->content = Content::unknown;  // its owner may have written to it, whatever it held",
        "",
        ("allocator_test", "pool_test"),
    ),
    Mutant(
        "what the system has taken of a block is not looked for",
        ALLOCATOR,
        "const std::size_t missing = os::missing_bytes(block.address, block.bytes);",
        "const std::size_t missing = 0;",
        ("pool_test",),
    ),
    Mutant(
        "a clean block that was freed lazily is not made resident again",
        ALLOCATOR,
        "if (request.commit != Commit::lazy) reused.keep_resident();",
        "",
        ("pool_test",),
    ),
    Mutant(
        "a block keeps what its former owner told the system about it",
        "csrc/blocks/pool.cpp",
        "if (os::reset_advice(block->address, bytes) != 0) return;",
        "",
        ("pool_test",),
    ),
    Mutant(
        "who waits for blocks on their way does not wait for those of others",
        "csrc/blocks/purger.cpp",
        "if (batch->number < number) return true;",
        "",
        ("purger_test",),
    ),
    Mutant(
        "a sparse block is marked as resident",
        ALLOCATOR,
        "made.block->residency = Residency::some;",
        "made.block->residency = Residency::all;",
        ("allocator_test", "residency_test"),
    ),
    Mutant(
        "a resident block is marked as sparse",
        "csrc/blocks/first_touch.cpp",
        "block_->residency = Residency::all;",
        "block_->residency = Residency::some;",
        ("pool_test", "residency_test"),
    ),
    Mutant(
        "a short while after a look at the system every request is granted",
        "csrc/blocks/budget.cpp",
        "    if (bytes > left) return false;\n",
        "",
        ("budget_test",),
    ),
    Mutant(
        "what was allowed by a look at the system is allowed again",
        "csrc/blocks/budget.cpp",
        "allowed.compare_exchange_weak(left, left - bytes)",
        "allowed.compare_exchange_weak(left, left)",
        ("budget_test",),
    ),
    Mutant(
        "a mapping is a page short",
        MAPPING,
        "return align_down(end, os::page_bytes());",
        "return align_down(end, os::page_bytes()) - os::page_bytes();",
        ("allocator_test", "pool_test"),
    ),
    Mutant(
        "a scrub leaves a chunk out",
        "csrc/blocks/scrubber.cpp",
        "for (std::size_t done = 0; done",
        "for (std::size_t done = plan.chunk_bytes; done",
        ("pool_test",),
    ),
    Mutant(
        "the alignment of a pooled block is not checked",
        "csrc/blocks/free_lists.cpp",
        "align_up(block.address + colour, request.alignment)",
        "block.address + colour",
        ("allocator_test", "free_lists_test"),
    ),
    Mutant(
        "a freed part of a slab is not made fresh",
        SLABS,
        "if (os::discard_pages(block.address, block.bytes) != 0) return;",
        "",
        ("slabs_test",),
    ),
    Mutant(
        "a part of a slab is too small",
        SLABS,
        "align_up(bytes + slack + kMaxColour, kSlotStep)",
        "align_up(bytes + slack, kSlotStep)",
        ("slabs_test",),
    ),
    Mutant(
        "one empty slab too many is cached",
        SLABS,
        "if (++class_of(slab).empty == 1) return;",
        "if (++class_of(slab).empty <= 2) return;",
        ("slabs_test",),
    ),
    Mutant(
        "one empty slab too many is unmapped",
        SLABS,
        "if (++class_of(slab).empty == 1) return;",
        "++class_of(slab).empty;",
        ("slabs_test",),
    ),
    Mutant(
        "a pooled block is not poisoned",
        "csrc/blocks/pool.cpp",
        "  poison(block.address, block.bytes);\n",
        "",
        ("poison_test",),
        "asan",
    ),
    Mutant(
        "a scrubbed block is not poisoned",
        "csrc/blocks/scrubber.cpp",
        "    poison(address, chunk);\n",
        "",
        ("poison_test",),
        "asan",
    ),
    Mutant(
        "a slab's freed block is not poisoned",
        SLABS,
        "  poison(block.address, block.bytes);\n",
        "",
        ("poison_test",),
        "asan",
    ),
    Mutant(
        "small zeros are not zeroed",
        HEAP,
        "return memory == nullptr || is_zero ? memory : std::memset(memory, 0, bytes);",
        "return memory;",
        ("aligned_malloc_test", "heap_test"),
    ),
    Mutant(
        "pages that were used pass for fresh ones",
        PAGE_HEAP,
        "  segment->touched.set(first, pages);\n",
        "",
        ("heap_test",),
    ),
    Mutant(
        "fresh pages do not pass for fresh ones",
        PAGE_HEAP,
        "return {segment, first, pages, idle == 0};",
        "return {segment, first, pages, false};",
        ("heap_test",),
    ),
    Mutant(
        "small memory is not aligned",
        HEAP,
        "return slot != nullptr && slack != 0 ? align_up(slot, alignment) : slot;",
        "return slot;",
        ("heap_test",),
    ),
    Mutant(
        "sizes are not rounded up to those of slots",
        "csrc/heap/size_classes.h",
        "return static_cast<int>((bytes - 1) / kLineBytes);",
        "return static_cast<int>((bytes - 1) / 65);",
        ("aligned_malloc_test", "heap_test"),
    ),
    Mutant(
        "a slot grows beyond its end",
        HEAP,
        "if (bytes > most || bytes <= most / 2) return false;",
        "if (bytes > most + 64 || bytes <= most / 2) return false;",
        ("heap_test",),
    ),
    Mutant(
        "a run grows over pages in use",
        PAGE_HEAP,
        "if (first + more > segment->pages || segment->used.any(first, more)) return false;",
        "if (first + more > segment->pages) return false;",
        ("heap_test",),
    ),
    Mutant(
        "a cached slot is handed out twice",
        "csrc/heap/thread_cache.cpp",
        "stack.slots[--stack.count]",
        "stack.slots[stack.count - 1]",
        ("aligned_malloc_test", "heap_test"),
    ),
    Mutant(
        "what a thread has cached is lost when it ends",
        "csrc/heap/thread_cache.cpp",
        "    flush_all(ending);\n",
        "",
        ("heap_test",),
    ),
    Mutant(
        "what is freed on another NUMA node is cached",
        HEAP,
        "const bool may_cache = node_heaps::may_be_cached(segment->heap);",
        "const bool may_cache = true;",
        ("node_heaps_test",),
    ),
    Mutant(
        "a thread that moves to another NUMA node keeps its cache",
        NODE_HEAPS,
        "if (++calls % kPeriod == 0 || last_heap == nullptr) (void)of_this_thread();",
        "",
        ("node_heaps_test",),
    ),
    Mutant(
        "free memory of another NUMA node is out of reach",
        HEAP,
        "if (memory == nullptr) memory = take_elsewhere(bytes, alignment, is_zero);",
        "",
        ("node_heaps_test",),
    ),
    Mutant(
        "each heap keeps as much as all may",
        "csrc/heap/node_heaps.h",
        "return bytes / count.load(std::memory_order_relaxed);",
        "return bytes;",
        ("node_heaps_test",),
    ),
    Mutant(
        "the heap of one NUMA node alone grows older",
        NODE_HEAPS,
        "for_each([&](NodeHeap* heap) { due = std::min(due, step(heap, is_low)); });",
        "due = step(first(), is_low);",
        ("node_heaps_test",),
    ),
    Mutant(
        "a slab without a slot in use keeps its pages",
        "csrc/heap/slab_lists.cpp",
        "if (slab->free_count < slab->slots) return;",
        "return;",
        ("heap_test",),
    ),
    Mutant(
        "free pages do not age",
        PAGE_HEAP,
        "std::min(segment->ages[page] + 1, 255)",
        "segment->ages[page]",
        ("heap_test",),
    ),
    Mutant(
        "pages in use age too, and are purged",
        PAGE_HEAP,
        "return !segment.used.test(page) && segment.touched.test(page)",
        "return segment.touched.test(page)",
        ("heap_test",),
    ),
    Mutant(
        "free pages have no limit",
        PAGE_HEAP,
        "if (idle_bytes() > idle_limit_) purge(0, lock);",
        "",
        ("heap_test",),
    ),
    Mutant(
        "a child waits for a mutex that another thread of its parent held",
        "csrc/blocks/prefault.cpp",
        "  if (is_from_before_a_fork()) return true;\n",
        "",
        ("reserve_test",),
    ),
    Mutant(
        "a run is put back after others could fill the place",
        PAGE_HEAP,
        "recent_[recent_count_++] = {run.segment, run.first, run.pages};\n  // Last, because the "
        "lock is free meanwhile, and others put runs back.\n  if (is_full && idle_bytes() > "
        "held_limit_bytes()) free_lazily(oldest, lock);",
        "if (is_full && idle_bytes() > held_limit_bytes()) free_lazily(oldest, lock);\n"
        "  recent_[recent_count_++] = {run.segment, run.first, run.pages};",
        ("heap_test",),
    ),
    Mutant(
        "the system may not take free pages",
        PAGE_HEAP,
        "(void)os::free_pages_lazily(run.start(), run.pages * kPageBytes);",
        "",
        ("heap_test",),
    ),
    Mutant(
        "pages in front of the payload make a block look sparse",
        ALLOCATION,
        "os::missing_bytes(block.address + first, last - first) != 0;",
        "os::missing_bytes(block.address, block.bytes) != 0;",
        ("aligned_malloc_test",),
    ),
    Mutant(
        "a segment with room is not found",
        "csrc/heap/segment_index.cpp",
        "if (longest_[node] == larger) break;",
        "break;",
        ("heap_test",),
    ),
    Mutant(
        "a part of a reserve is handed out twice",
        "csrc/blocks/reserved_blocks.cpp",
        "    whole.address += front.bytes;\n",
        "",
        ("reserve_test",),
    ),
    Mutant(
        "a reserve that was cancelled is kept",
        "csrc/blocks/prefault.cpp",
        "const bool whole = resident_bytes_ == block_.bytes;",
        "const bool whole = true;",
        ("reserve_test",),
    ),
    Mutant(
        "an empty segment stays mapped",
        PAGE_HEAP,
        "  unmap_segment(segment);\n",
        "",
        ("heap_test",),
    ),
    Mutant(
        "a freed block stays in the page map",
        "csrc/alloc/aligned_malloc.cpp",
        "  page_map::erase(allocation->data());\n  delete allocation;",
        "  delete allocation;",
        ("aligned_malloc_test",),
    ),
    Mutant(
        "a resized mapping is a page short",
        "csrc/alloc/resize.cpp",
        "align_up(offset + bytes, os::page_bytes())",
        "align_up(offset + bytes, os::page_bytes()) - os::page_bytes()",
        ("aligned_malloc_test",),
    ),
    Mutant(
        "a grown block is marked as resident",
        MAPPING,
        "block->residency = Residency::unknown;",
        "block->residency = Residency::all;",
        ("aligned_malloc_test",),
    ),
    Mutant(
        "zeros above 32 MiB always come from dirty blocks",
        ALLOCATOR,
        "(request.bytes <= kAlwaysReusedBytes ||",
        "(true ||",
        ("aligned_malloc_test",),
    ),
    Mutant(
        "zeros above 32 MiB never come from dirty blocks",
        ALLOCATOR,
        "blocks::touch_history::predicts_full_touch(request.bytes)",
        "false",
        ("aligned_malloc_test",),
    ),
    Mutant(
        "pages that become resident on first touch are marked as resident",
        ALLOCATOR,
        "made.block->residency = Residency::unknown;\n  // Fresh",
        "made.block->residency = Residency::all;\n  // Fresh",
        ("aligned_malloc_test", "pool_test"),
    ),
    Mutant(
        "a block from before a fork is marked as the child's own",
        ALLOCATION,
        "const bool is_ours = block.fork_epoch == epoch;",
        "const bool is_ours = block.fork_epoch <= epoch;",
        ("pool_test",),
    ),
    Mutant(
        "dirty blocks are preferred for zeros",
        "csrc/blocks/free_lists.cpp",
        "const bool dirty_first = request.preference == ContentPreference::dirty;",
        "const bool dirty_first = request.preference != ContentPreference::only_clean;",
        ("free_lists_test",),
    ),
    Mutant(
        "zeros are made of dirty blocks although nobody will touch them",
        ALLOCATOR,
        "return will_be_touched ? ContentPreference::clean : ContentPreference::only_clean;",
        "return ContentPreference::clean;",
        ("aligned_malloc_test", "allocator_test"),
    ),
    Mutant(
        "an interrupted zeroing leaves its block marked as clean",
        ALLOCATION,
        "  block->content = Content::unknown;  // its owner",
        "  if (block->fork_epoch != epoch) block->content = Content::unknown;  // its owner",
        ("pool_test",),
    ),
    Mutant(
        "a fork does not end the background thread",
        "csrc/blocks/pool.cpp",
        "  purge_before_fork();\n  mutex_.lock();",
        "  mutex_.lock();",
        ("pool_test",),
    ),
    Mutant(
        "a worker is in a loop while its poll is asked",
        "csrc/team/team.cpp",
        "  withdraw(job);\n  const bool stop",
        "  const bool stop",
        ("team_test",),
    ),
    Mutant(
        "a loop ends where another one has the workers after its poll",
        "csrc/team/team.cpp",
        "  job->withdrawn.store(false, std::memory_order_relaxed);",
        "",
        ("team_test",),
    ),
    Mutant(
        "the workers do not come back after a poll",
        "csrc/team/team.cpp",
        "  if (!stop) offer(job);\n",
        "",
        ("team_test",),
    ),
    Mutant(
        "memory in use is not counted",
        ALLOCATION,
        "  blocks::count_in_use(static_cast<std::ptrdiff_t>(block_->bytes));\n",
        "",
        ("recent_peak_test",),
    ),
    Mutant(
        "the page map is not asked before pages move",
        "csrc/alloc/resize.cpp",
        "!may_move_to(moved) || ",
        "",
        ("resize_test",),
    ),
    Mutant(
        "a block on other nodes is reused",
        "csrc/blocks/free_lists.cpp",
        " || block.placement != request.placement",
        "",
        ("free_lists_test",),
    ),
    Mutant(
        "workers keep the processors that they began with",
        "csrc/team/team.cpp",
        "    os::follow_cpus_of_the_process();  // they may have changed since the last loop\n",
        "",
        ("cpus_test",),
    ),
    Mutant(
        "shared memory is pooled while others have it",
        "csrc/os/linux/shared.cpp",
        "if (fcntl(file, F_SETLEASE, F_WRLCK) != 0) return false;",
        "if (fcntl(file, F_SETLEASE, F_WRLCK) != 0) return true;",
        ("shared_test",),
    ),
    Mutant(
        "shared memory is given up before its message has arrived",
        "csrc/alloc/sending.cpp",
        "return control->collect(sent);",
        "return control->collect(sent) || true;",
        ("shared_test",),
    ),
    Mutant(
        "shared memory keeps its identity when it is used again",
        "csrc/blocks/shared_control.cpp",
        "  identity_.store(new_identity(), std::memory_order_release);\n",
        "  identity_.store(1);\n",
        ("shared_test",),
    ),
    Mutant(
        "shared memory that arrived once stays mapped",
        ATTACHMENTS,
        "arrivals->count > 1",
        "arrivals->count > 0",
        ("attachments_test",),
    ),
    Mutant(
        "shared memory to write to is taken for some that may only be read",
        ATTACHMENTS,
        " && kept.origin == key.origin",
        "",
        ("attachments_test",),
    ),
    Mutant(
        "shared memory that its maker has dropped stays mapped",
        ATTACHMENTS,
        "           blocks::control_of(*one.block).is_dropped();",
        "           false;",
        ("attachments_test",),
    ),
    Mutant(
        "shared memory that does not arrive any more stays mapped",
        ATTACHMENTS,
        "now.time_since_epoch() - one.unused_since >= longest_time() ||",
        "",
        ("attachments_test",),
    ),
    Mutant(
        "shared memory is kept mapped over a fork",
        ATTACHMENTS,
        "  for (Attachment& one : attachments->kept) one.block = OwnedBlock();\n",
        "",
        ("attachments_test",),
    ),
    Mutant(
        "shared memory that was sent on loses what it has sent when it comes back",
        ALLOCATOR,
        "return hand_out(std::move(kept.block), received, std::move(kept.sent));",
        "return hand_out(std::move(kept.block), received, nullptr);",
        ("attachments_test",),
    ),
    Mutant(
        "a limit above an unlimited group is not seen",
        "csrc/os/linux/limits.cpp",
        "if (std::min(limits[0], limits[1]) >= kNoLimit) return Above::unknown;",
        "if (std::min(limits[0], limits[1]) >= kNoLimit) return Above::unlimited;",
        ("limits_test",),
    ),
    Mutant(
        "the end of discarded memory is not zeroed",
        ALLOCATION,
        "  if (tail < end) std::memset(tail, 0, static_cast<std::size_t>(end - tail));\n",
        "",
        ("aligned_malloc_test",),
    ),
]


class Copy:
    """A copy of the sources, built by preset."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        for name in ("CMakeLists.txt", "CMakePresets.json"):
            shutil.copy(ROOT / name, folder)
        for name in ("csrc", "tests/native"):
            shutil.copytree(ROOT / name, folder / name)

    def build(self, preset: str, tests: tuple[str, ...]) -> bool:
        """Build tests, and configure first; return whether it succeeded."""
        build = self.folder / "build" / preset
        configure = ["cmake", "--preset", preset, "-G", "Ninja", "-B", str(build)]
        flags = "-DCMAKE_COMPILE_WARNING_AS_ERROR=OFF"  # a fault may leave something unused
        compile_ = ["cmake", "--build", str(build), "--target", *tests]
        return self._run([*configure, flags]) and self._run(compile_)

    def finds(self, preset: str, test: str) -> bool:
        """Return whether a test fails."""
        program = self.folder / "build" / preset / "tests" / "native" / test
        return not self._run([str(program)])

    def _run(self, command: list[str]) -> bool:
        try:
            result = subprocess.run(command, cwd=self.folder, capture_output=True, timeout=240)
        except subprocess.TimeoutExpired:
            return False
        return result.returncode == 0


def is_found(copy: Copy, mutant: Mutant) -> bool:
    """Plant the fault, run its tests, and take it out again."""
    file = copy.folder / mutant.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: {mutant.old!r} does not stand once in {mutant.file}")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        if not copy.build(mutant.preset, mutant.tests):
            raise SystemExit(f"{mutant.name}: it does not compile")
        return all(copy.finds(mutant.preset, test) for test in mutant.tests)
    finally:
        file.write_text(text, encoding="utf-8")


def main(words: list[str]) -> int:
    """Run them; return 0 if all were found."""
    mutants = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(pathlib.Path(folder))
        for preset in sorted({mutant.preset for mutant in mutants}):
            tests = tuple({t for m in mutants if m.preset == preset for t in m.tests})
            if not copy.build(preset, tests) or any(copy.finds(preset, test) for test in tests):
                raise SystemExit(f"the tests of preset {preset} fail without a fault")
        for mutant in mutants:
            found = is_found(copy, mutant)
            print(f"{'found ' if found else 'MISSED'}  {mutant.name}", flush=True)
            missed += [] if found else [mutant.name]
    print(f"{len(mutants) - len(missed)} of {len(mutants)} found")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
