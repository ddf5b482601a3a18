"""Invariant 10: a process exits cleanly, whatever zerofill is doing in it.

``pytest --full -s tests/trust/test_exit.py`` prints how long the exits took.
"""

import subprocess
import sys
import time

import pytest

ENDINGS = {
    "no arrays": "import numpy",
    "live workers": "zerofill.zeros(64 << 20, 'u1')",
    "arrays in globals": "a = zerofill.zeros(9); b = zerofill.zeros(64 << 20, 'u1')",
    "lazy arrays": "a = [zerofill.zeros(1 << 20, 'u1', commit='lazy') for _ in range(50)]",
    "a cycle": """
class Node: pass
node = Node(); node.self = node; node.array = zerofill.zeros(32 << 20, 'u1')
""",
    "scrubbing": """
zerofill.configure(scrub=True, pool_limit=1 << 30)
a = zerofill.zeros(256 << 20, 'u1'); a.fill(1); del a
""",
    "freed by atexit": """
import atexit
held = [zerofill.zeros(64 << 20, 'u1')]
atexit.register(held.clear)
atexit.register(lambda: zerofill.zeros(64 << 20, 'u1'))
""",
    "made by a destructor": """
class Late:
    def __del__(self): make(32 << 20)
make, late = zerofill.Zeros('u1'), Late()
""",
    "daemon threads": """
import threading
def work(size):
    while True: zerofill.zeros(size, 'u1'); zerofill.clear(bytearray(size)); zerofill.trim()
for size in (100, 3 << 20, 64 << 20):
    threading.Thread(target=work, args=(size,), daemon=True).start()
zerofill.zeros(64 << 20, 'u1')
""",
    "a child of a fork": """
import os
zerofill.zeros(64 << 20, 'u1')
child = os.fork()
zerofill.zeros(64 << 20, 'u1')
if child: assert os.waitpid(child, 0)[1] == 0
""",
}


def seconds_to_exit(ending: str) -> float:
    """Run it; return how long the process took to end once its last line had run."""
    code = f"import zerofill, time\n{ending}\nprint(time.time(), flush=True)"
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60
    )
    ended = time.time()
    assert (result.returncode, result.stderr) == (0, "")
    return ended - max(float(line) for line in result.stdout.split())


@pytest.mark.parametrize("name", ENDINGS)
def test_the_exit_code_is_0(name, count):
    times = [seconds_to_exit(ENDINGS[name]) for _ in range(count(3, 55))]
    print(f"{name}: {max(times):.3f} s at most")
