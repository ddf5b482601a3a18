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
LAYERS = ["base", "os", "kernel", "team", "memory", "python"]

# Python modules, and what of the package each may import.
IMPORTS = {
    "_zerofill": set(),
    "dtypes": set(),
    "creation": {"_zerofill"},
    "dtype_serialization": {"dtypes"},
    "initializers": {"_zerofill", "dtype_serialization", "dtypes"},
    "option_values": {"_zerofill"},
    "runtime": {"_zerofill", "option_values"},
    "numpy_handler": {"_zerofill", "runtime"},
    "benchmark": {"_zerofill", "initializers"},
    "diagnostics": {"_zerofill", "runtime"},
    "cli": {"benchmark", "diagnostics"},
    "__init__": {"_zerofill", "creation", "initializers", "numpy_handler", "runtime"},
    "__main__": {"cli"},
}

SOURCES = sorted(path for path in CSRC.rglob("*") if path.suffix in (".h", ".cpp", ".c"))
MODULES = sorted(PACKAGE.glob("*.py"))
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


def test_python_goes_through_the_doors():
    """Of memory/, python/ sees the allocator, its form for NumPy, and the errors it throws."""
    seen = {
        name
        for path in SOURCES
        if layer(path) == "python"
        for name in includes(path)
        if name.startswith("memory/")
    }
    assert seen == {"memory/allocator.h", "memory/errors.h", "memory/heap.h"}


def test_the_gil_is_released_in_one_place():
    found = [path.name for path in SOURCES if "PyEval_SaveThread" in path.read_text("utf-8")]
    assert found == ["call_into_memory.h"]


def test_every_source_is_built_somewhere():
    cmake = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    for path in SOURCES:
        if path.suffix != ".h" and not path.name.startswith("stream_lines_"):
            assert f"csrc/{path.relative_to(CSRC).as_posix()}" in cmake, path


def test_functions_and_files_stay_readable():
    for path in [*SOURCES, *MODULES, *BRIDGES]:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 400, f"{path.name} has {lines} lines: it usually holds two things"


def own_imports(path: pathlib.Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found.update(name.partition(".")[0] for name in names)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_what_is_below_it(path):
    assert own_imports(path) <= IMPORTS[path.stem]


def test_only_bridges_know_bridges():
    for path in MODULES:
        assert "interop" not in own_imports(path), path


def test_optional_libraries_are_imported_inside_functions():
    for path in [*MODULES, *BRIDGES]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                text = ast.unparse(node)
                assert not re.search(r"\b(rich|ml_dtypes|torch|jax|tensorflow|keras|dask)\b", text)
