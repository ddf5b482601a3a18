"""Control groups with a limit of memory, of version 1 or 2, below the tests' own."""

import os
import pathlib
import subprocess
import sys

import pytest

LIMIT = 512 << 20


def own_group() -> tuple[pathlib.Path, int]:
    """Return the folder of this process's group that can limit memory, and its version."""
    paths = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths[controllers] = path
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        root, mount = fields.split()[3:5]
        if kind == "cgroup" and "memory" in options.split(","):
            path, version = paths.get("memory", "/"), 1
        elif kind == "cgroup2" and "memory" not in paths:
            path, version = paths.get("", "/"), 2
        else:
            continue
        return pathlib.Path(mount, os.path.relpath(path, root)), version
    pytest.skip("there are no control groups here")


class Group:
    """A control group with a limit, and one within it that has none of its own."""

    def __init__(self):
        above, self.version = own_group()
        self.outer = above / f"zerofill-test-{os.getpid()}"
        self.inner = self.outer / "inner"
        for folder in (self.outer, self.inner):
            folder.mkdir()
            if self.version == 2:
                (folder.parent / "cgroup.subtree_control").write_text("+memory")
        self.set_limit(LIMIT)

    def set_limit(self, limit: int) -> None:
        name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"
        (self.outer / name).write_text(str(limit))

    def kills(self) -> int:
        """Return how many processes the out-of-memory killer ended."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        count = 0
        for folder in (self.outer, self.inner):
            for line in (folder / name).read_text().splitlines():
                key, value = line.split()
                count += int(value) if key == "oom_kill" else 0
        return count

    def remove(self) -> None:
        for folder in (self.inner, self.outer):
            if folder.exists():
                folder.rmdir()


# A program joins the group in sys.argv[1], and sys.argv[2] is its limit in bytes.
JOIN = """
import pathlib, sys
pathlib.Path(sys.argv[1], "cgroup.procs").write_text("0")
limit = int(sys.argv[2])
"""


def run_in(group, code, folder, limit=LIMIT):
    command = [sys.executable, "-c", JOIN + code, str(group.outer), str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder)
    if result.returncode == 77:
        pytest.skip("a namespace cannot be made here")
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    assert group.kills() == 0
    return result.stdout
