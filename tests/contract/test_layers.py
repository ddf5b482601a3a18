"""The layer rules of csrc/ and of src/, read from the includes and the imports."""

import ast
import pathlib
import re

import pytest

pytestmark = pytest.mark.thread_unsafe

ROOT = pathlib.Path(__file__).parents[2]
CSRC = ROOT / "csrc"
PACKAGE = ROOT / "src" / "zerofill"

# Bottom to top: each may include only itself and what stands before it.
LAYERS = ["base", "os", "kernel", "team", "zeroing", "blocks", "heap", "alloc", "python"]

# The headers through which python/ uses the three rooms of memory, and what these show of the rooms
# in turn: the block that an allocation owns, where its pages are put, the threads that make them,
# the messages that were sent of it, and the reservation that reserve() returns.
DOORS = {"alloc/allocator.h", "alloc/aligned_malloc.h", "alloc/reserve.h", "zeroing/strided.h"}
BEHIND_THE_DOORS = {
    *("alloc/allocation.h", "alloc/attachments.h", "alloc/placement.h", "alloc/sending.h"),
    *(
        "blocks/block.h",
        "blocks/budget.h",
        "blocks/first_touch.h",
        "blocks/prefault.h",
        "blocks/shared_control.h",
    ),
}
ROOMS = ("zeroing/", "blocks/", "alloc/")

# Python modules, and what of the package each may import.
IMPORTS = {
    "_zerofill": set(),
    "sharing": {"_zerofill", "picklers", "transport"},
    "dtypes": set(),
    "creation": {"_zerofill"},
    "dtype_serialization": {"dtypes"},
    "keras_configs": set(),
    "keywords": set(),
    "initializers": {"_zerofill", "dtype_serialization", "dtypes", "keras_configs", "keywords"},
    "sizes": set(),
    "counters": {"_zerofill", "sizes"},
    "option_values": {"_zerofill", "sizes"},
    "runtime": {"_zerofill", "keywords", "option_values"},
    "numpy_handler": {"_zerofill", "runtime"},
    "benchmark": {"_zerofill", "initializers"},
    "diagnostics": {"_zerofill", "runtime"},
    "launch": set(),
    "compare": {"launch"},
    "profiler": {"_zerofill", "counters"},
    "profile": {"counters", "launch", "profiler"},
    "cli": {
        "__version__",
        "benchmark",
        "compare",
        "diagnostics",
        "launch",
        "option_values",
        "profile",
        "runtime",
        "sizes",
    },
    "__init__": {"_zerofill", "counters", "creation", "initializers", "numpy_handler", "runtime"},
    "__main__": {"cli"},
}

SOURCES = sorted(path for path in CSRC.rglob("*") if path.suffix in (".h", ".cpp", ".c"))
MODULES = sorted(PACKAGE.glob("*.py"))
COMMANDS = sorted((PACKAGE / "cli").glob("*.py"))
BRIDGES = sorted((PACKAGE / "interop").glob("*.py"))


def includes(path: pathlib.Path) -> list[str]:
    return re.findall(r'^\s*#include\s+[<"]([^>"]+)[>"]', path.read_text(encoding="utf-8"), re.M)


def layer(path: pathlib.Path) -> str:
    return path.relative_to(CSRC).parts[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CSRC)))
def test_a_source_includes_only_what_is_below_it(path):
    allowed = LAYERS[: LAYERS.index(layer(path)) + 1]
    for name in includes(path):
        first = name.partition("/")[0]
        if first in LAYERS and "/" in name:
            assert first in allowed, f"{path.name} includes {name}"
            assert (CSRC / name).is_file(), f"{path.name} includes {name}, which does not exist"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CSRC)))
def test_only_python_knows_python(path):
    if layer(path) != "python":
        for name in includes(path):
            assert not re.match(r"Python\.h|pybind11/|numpy/", name), f"{path.name}: {name}"


def test_numpys_headers_are_included_in_one_place():
    found = [path.name for path in SOURCES if any(n.startswith("numpy/") for n in includes(path))]
    assert found == ["numpy.h"]


def all_includes(name: str, seen: set[str]) -> set[str]:
    """Add to `seen` what a header of ours includes, directly and indirectly."""
    for included in includes(CSRC / name):
        if included.partition("/")[0] in LAYERS and included not in seen:
            seen.add(included)
            all_includes(included, seen)
    return seen


def test_python_uses_the_doors_alone():
    for path in SOURCES:
        if layer(path) == "python":
            seen = {name for name in includes(path) if name.startswith(ROOMS)}
            assert seen <= DOORS, f"{path.name} includes {seen - DOORS}"


def test_the_doors_show_no_more_than_they_must():
    shown = set().union(*(all_includes(door, set()) for door in DOORS))
    assert {name for name in shown if name.startswith(ROOMS)} == BEHIND_THE_DOORS


def test_of_blocks_python_names_only_what_the_door_returns():
    used = set()
    for path in SOURCES:
        if layer(path) == "python":
            used |= set(re.findall(r"\bblocks::(\w+)", path.read_text(encoding="utf-8")))
    assert used == {"Reservation", "Ticket"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CSRC)))
def test_no_header_includes_itself_in_a_circle(path):
    name = path.relative_to(CSRC).as_posix()
    assert name not in all_includes(name, set())


def test_the_allocator_uses_few_headers_of_its_own_room():
    names = includes(CSRC / "alloc" / "allocator.cpp")
    assert len([name for name in names if name.startswith("alloc/")]) <= 6


def test_forks_are_handled_in_one_place():
    found = [path.name for path in SOURCES if "os::on_fork(" in path.read_text("utf-8")]
    assert found == ["fork.cpp"]


def test_the_gil_is_released_in_one_place():
    found = [path.name for path in SOURCES if "PyEval_SaveThread" in path.read_text("utf-8")]
    assert found == ["gil.h"]


def test_every_source_is_built_somewhere():
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    for path in SOURCES:
        if path.suffix != ".h" and not path.name.startswith("stream_lines_"):
            assert f"csrc/{path.relative_to(CSRC).as_posix()}" in cmake, path


def test_files_stay_readable():
    for path in [*SOURCES, *MODULES, *COMMANDS, *BRIDGES]:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        most = 300 if path in SOURCES else 400
        assert lines <= most, f"{path.name} has {lines} lines: it usually holds two things"


def own_imports(path: pathlib.Path, level: int = 1) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == level:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found.update(name.partition(".")[0] for name in names)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_what_is_below_it(path):
    assert own_imports(path) <= IMPORTS[path.stem]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
def test_a_command_imports_only_what_is_below_it(path):
    assert own_imports(path, level=2) <= IMPORTS["cli"]


def test_only_bridges_know_bridges():
    for path in MODULES:
        assert "interop" not in own_imports(path), path


def test_optional_libraries_are_imported_inside_functions():
    for path in [*MODULES, *COMMANDS, *BRIDGES]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                text = ast.unparse(node)
                assert not re.search(
                    r"\b(rich|psutil|ml_dtypes|torch|jax|tensorflow|keras|dask)\b", text
                )
