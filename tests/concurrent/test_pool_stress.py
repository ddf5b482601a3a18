"""Every byte of every array is zero, whoever used and freed its block before."""

import itertools
import queue
import random
import threading

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

import zerofill
from zerofill.runtime import is_disabled

MIB = 1 << 20
SIZES = [9, 5000, 300_000, 2 * MIB, 2 * MIB + 1, 3 * MIB, 4 * MIB, 5 * MIB - 3, 9 * MIB, 17 * MIB]
WEIGHTS = [4, 4, 4, 4, 4, 4, 2, 2, 1, 1]  # large sizes are rarer, because they take longer


@pytest.fixture(autouse=True)
def options_are_restored():
    before = zerofill.configure()
    yield
    zerofill.configure(**before._asdict())
    zerofill.trim()


def is_zero(array):
    words = array[: array.size // 8 * 8].view(np.uint64)
    return not words.any() and not array[words.size * 8 :].any()


def make_zeros(nbytes, alignment, way):
    """Make zeros eagerly, lazily, or by NumPy with its memory from zerofill."""
    if way == "NumPy":
        with zerofill.numpy_allocator():
            return np.zeros(nbytes, "u1")
    return zerofill.zeros(nbytes, "u1", alignment=alignment, commit=way)


@pytest.mark.parametrize("scrub", [False, True, "auto"])
def test_no_array_shows_bytes_of_an_earlier_one(scrub, count):
    zerofill.configure(scrub=scrub, decay=0.5)
    numpys_alignment = 16 if is_disabled() else 64
    allocations = count(350, 8500)  # on each of four threads, for each way to scrub
    handed = queue.SimpleQueue()
    wrong = []

    def free():
        while (array := handed.get()) is not None:
            del array

    freeing = threading.Thread(target=free)
    freeing.start()

    def work(seed):
        chance = random.Random(seed)
        for _ in range(allocations):
            way = chance.choice(["eager", "eager", "lazy", "background", "NumPy"])
            alignment = numpys_alignment if way == "NumPy" else 1 << chance.randrange(13)
            (nbytes,) = chance.choices(SIZES, WEIGHTS)
            array = make_zeros(nbytes, alignment, way)
            if not is_zero(array) or array.ctypes.data % alignment:
                wrong.append((array.size, alignment, way))
            array.fill(chance.randrange(1, 256))
            if chance.random() < 0.5:
                handed.put(array)
            del array

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    handed.put(None)
    freeing.join()
    assert wrong == []


class PoolMachine(RuleBasedStateMachine):
    """Arrays start as zeros, keep their bytes, and do not overlap."""

    arrays = Bundle("arrays")

    def __init__(self):
        super().__init__()
        zerofill.configure(pool_limit=64 * MIB, decay=1000, scrub=False)
        zerofill.trim()
        self.live = {}
        self.count = 0

    def teardown(self):
        self.live.clear()
        zerofill.configure(pool_limit=None, decay=10, scrub="auto")
        zerofill.trim()

    @rule(
        target=arrays,
        nbytes=st.sampled_from(SIZES),
        power=st.integers(0, 22),
        commit=st.sampled_from(["eager", "lazy", "background"]),
    )
    def make(self, nbytes, power, commit):
        array = zerofill.zeros(nbytes, "u1", alignment=1 << power, commit=commit)
        assert is_zero(array)
        assert array.ctypes.data % (1 << power) == 0
        self.count += 1
        mark = self.count % 255 + 1
        if commit != "lazy":
            array.fill(mark)
        else:
            array[[0, -1]] = mark
        self.live[self.count] = (array, mark, commit)
        return self.count

    @rule(target=arrays, nbytes=st.sampled_from(SIZES))
    def make_numpys(self, nbytes):
        array = make_zeros(nbytes, 64, "NumPy")
        assert is_zero(array)
        self.count += 1
        mark = self.count % 255 + 1
        array.fill(mark)
        self.live[self.count] = (array, mark, "NumPy")
        return self.count

    @rule(key=arrays, nbytes=st.sampled_from(SIZES))
    def resize(self, key, nbytes):
        array, mark, way = self.live[key]
        if way == "NumPy":
            common = min(nbytes, array.size)
            array.resize(nbytes, refcheck=False)
            assert (array[:common] == mark).all()
            assert not array[common:].any()
            array.fill(mark)

    @rule(key=consumes(arrays))
    def free(self, key):
        array, mark, way = self.live.pop(key)
        if way == "lazy":
            assert array[0] == array[-1] == mark
        else:
            assert (array == mark).all()

    @rule(limit=st.sampled_from([0, 4 * MIB, 64 * MIB]))
    def set_limit(self, limit):
        zerofill.configure(pool_limit=limit)

    @rule(scrub=st.booleans())
    def set_scrub(self, scrub):
        zerofill.configure(scrub=scrub)

    @rule()
    def trim(self):
        zerofill.trim()
        stats = zerofill.stats()
        assert stats.pooled_clean_bytes + stats.pooled_dirty_bytes == 0

    @invariant()
    def nothing_overlaps(self):
        ranges = sorted((a.ctypes.data, a.ctypes.data + a.nbytes) for a, _, _ in self.live.values())
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ranges))

    @invariant()
    def the_counters_agree(self):
        ours = [way for _, _, way in self.live.values() if way != "NumPy"]
        assert zerofill.stats().live_blocks >= len(ours)
        stats = zerofill.stats()
        assert stats.pooled_clean_bytes + stats.pooled_dirty_bytes <= 64 * MIB


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings.get_profile("machine")
TestPoolMachine.pytestmark = [pytest.mark.own_memory]
