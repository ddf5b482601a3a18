"""A machine of 512 MiB in all, by machine.py: nobody is killed for what zerofill keeps or gives."""

import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.in_machine,
    pytest.mark.thread_unsafe(reason="takes all memory"),
]


def run(code, *arguments):
    """Run a program; return what it prints. A kill would be an error here."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=200)
    assert result.returncode == 0
    return result.stdout.split()


GROWING = """if True:
    import zerofill
    arrays = []
    try:
        while True:
            arrays.append(zerofill.zeros(24 << 20, "u1"))
    except MemoryError as error:
        assert "MemAvailable" in str(error), error
    print(len(arrays), any(array.any() for array in arrays))
"""

RANDOM = """if True:
    import random, sys
    import numpy as np
    import zerofill
    zerofill.install()
    rng = random.Random(int(sys.argv[1]))
    live, refused = [], 0
    for turn in range(400):
        nbytes = int(2 ** rng.uniform(12, 28))
        try:
            live.append(zerofill.zeros(nbytes, "u1"))
            assert not live[-1][::997].any()
        except MemoryError:
            refused += 1
            del live[: len(live) // 2 + 1]
        # NumPy asks for no leave. So no more of its own than fits, whatever is kept besides.
        if sum(array.nbytes for array in live) + nbytes < 250 << 20:
            live.append(np.ones(nbytes, "u1") + np.uint8(1))
        while len(live) > 12:
            live.pop(rng.randrange(len(live)))
    print(turn, refused)
"""

KEEPING = """if True:
    import subprocess, sys
    import zerofill
    zerofill.install()
    for nbytes in [200 << 20, 4 << 20, 300 << 10, 20 << 10]:
        live = [zerofill.zeros(nbytes, "u1") for _ in range((200 << 20) // nbytes)]
        for array in live:
            array.fill(1)
        del live, array
    # Another program needs what is kept here.
    needs = "a = bytearray(330 << 20); print(len(a))"
    print(subprocess.run([sys.executable, "-c", needs]).returncode)
"""


def test_arrays_until_there_is_no_more_memory():
    count, any_set = run(GROWING)
    assert int(count) >= 10
    assert any_set == "False"


@pytest.mark.parametrize("seed", range(3))
def test_a_program_of_random_sizes(seed):
    turns, refused = run(RANDOM, seed)
    assert turns == "399"
    assert int(refused) > 0  # or it was not tried


def test_what_is_kept_is_another_programs_to_take():
    assert run(KEEPING) == [str(330 << 20), "0"]
