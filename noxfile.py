"""The project's commands: ``nox -l`` lists them, and CONTRIBUTING.md says when to use which.

``.ci/run`` calls the same sessions. Where ``ZEROFILL_WHEELS`` names a folder, they install the
wheel that lies there instead of building the package each time. Where ``ZEROFILL_BUILDS`` does, the
native tests are built there once.
"""

import glob
import os
import pathlib
import re
import shutil
import sys
import sysconfig

import nox

sys.path.append(str(pathlib.Path(__file__).parent / "tests/sanitizers"))
from reports import IS_UNDEFINED_BEHAVIOR_LOOKED_FOR, PLANTED, PLANTED_RACE, take_reports
from settings import pip_settings, sanitizer_environment

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["lint", "types", "quick"]

PROJECT = nox.project.load_toml("pyproject.toml")
BUILD_REQUIRES = PROJECT["build-system"]["requires"]
NATIVE_PRESETS = ["debug", "asan", "tsan"]
CPP_FOLDERS = ["csrc", "bench", "tests/native", "tests/trust"]

# Each is tested where it can be installed; the tests skip the others by name.
LIBRARIES = [
    *("tensorflow", "keras", "jax", "flax", "torch", "pyarrow", "dask[array,distributed]"),
    *("threadpoolctl", "greenlet", "gevent", "meson", "ninja"),
    *("joblib", "scikit-learn", "nbconvert", "ipykernel", "flask", "psutil", "matplotlib"),
]

TESTS_OF_MEMORY = ["zeros", "buffer", "clear", "initializers", "pool", "numpy_allocator", "reserve"]

# Prints the version of a CPython that a wheel can be built for, and nothing for another Python.
DESCRIBE_PYTHON = """
import os, platform, sys, sysconfig
headers = os.path.join(sysconfig.get_path("include"), "Python.h")
if platform.python_implementation() == "CPython" and sys.version_info >= (3, 11):
    if os.path.exists(headers) and sys.prefix == sys.base_prefix:
        print(sysconfig.get_config_var("VERSION") + sys.abiflags, sys.executable)
"""


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


def install_zerofill(session: nox.Session, extra: str = "") -> None:
    """Install the package, from a wheel if there is one, with an extra."""
    folder = os.environ.get("ZEROFILL_WHEELS")
    tag = f"cp{sysconfig.get_config_var('py_version_nodot')}"
    wheels = glob.glob(f"{folder}/*-{tag}-{tag}{sys.abiflags}-*.whl") if folder else []
    session.install((wheels[0] if wheels else ".") + (f"[{extra}]" if extra else ""))


def cpp_files() -> list[str]:
    """Return the C++ sources and headers."""
    files = [path for folder in CPP_FOLDERS for path in pathlib.Path(folder).rglob("*.*")]
    return sorted(str(path) for path in files if path.suffix in (".h", ".cpp", ".c"))


# Looking at the code ----------------------------------------------------------------------------


@nox.session
def lint(session: nox.Session) -> None:
    """Check Python, C++ and shell files: ruff, clang-format, shellcheck."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("clang-format", "--dry-run", "--Werror", *cpp_files(), silent=True)
    session.run("shellcheck", ".ci/run")


@nox.session
def format(session: nox.Session) -> None:  # noqa: A001
    """Format Python and C++ files."""
    session.install(*group("lint"))
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")
    session.run("clang-format", "-i", *cpp_files())


@nox.session
def types(session: nox.Session) -> None:
    """Check types: mypy, pyright over a user's program, and stubtest for the native module."""
    session.install(*group("types"))
    install_zerofill(session)
    session.run("mypy")
    session.run("pyright", "tests/types")
    allowlist = ["--allowlist", "tests/stubtest_allowlist.txt", "--ignore-unused-allowlist"]
    session.run("python", "-m", "mypy.stubtest", "zerofill._zerofill", *allowlist)


@nox.session
def tidy(session: nox.Session) -> None:
    """Run clang-tidy. Arguments are expressions for the paths of its files, all by default."""
    session.install(*group("tidy"), *group("native"), *BUILD_REQUIRES)
    pybind11 = session.run("python", "-m", "pybind11", "--cmakedir", silent=True).strip()
    build = configure(session, "debug-module", f"-Dpybind11_DIR={pybind11}")
    run = ["run-clang-tidy.py", "-quiet", "-j", "2", "-p", build]
    session.run(*run, *session.posargs, silent=True)


# Tests ------------------------------------------------------------------------------------------


@nox.session
def quick(session: nox.Session) -> None:
    """Run the unit and contract tests. Arguments go to pytest."""
    install_zerofill(session, "test")
    session.run("pytest", "-q", "tests/unit", "tests/contract", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole suite, as the README does. ``-- libraries`` installs the others first."""
    if session.posargs == ["libraries"]:
        for library in LIBRARIES:
            session.run("pip", "install", "--quiet", library, success_codes=[0, 1])
    session.install(".[test]")
    session.run("pytest")


@nox.session
def profiles(session: nox.Session) -> None:
    """Run the suite where features of the system are missing: tests/trust/profiles.py.

    Arguments are profiles, and behind a second ``--`` the tests; by default all of both.
    """
    install_zerofill(session, "test")
    arguments = [*session.posargs]
    if "--" not in arguments:
        arguments += ["--", "--ignore=tests/interop"]  # those tests are about other libraries
    session.run("python", "tests/trust/profiles.py", *arguments)


@nox.session
def parallel(session: nox.Session) -> None:
    """Run the unit and contract tests on four threads at once."""
    session.install("pytest-run-parallel")
    install_zerofill(session, "test")
    threads = ["--parallel-threads=4", "--skip-thread-unsafe=true"]
    session.run("pytest", "-q", *threads, "tests/unit", "tests/contract")


@nox.session
def races(session: nox.Session) -> None:
    """Run tests on four threads at once, without the GIL, under ThreadSanitizer.

    On the Python that ``tests/platforms/pythons.py 3.14t-tsan`` builds. Arguments are pytest's; the
    tests of memory run by default, in half an hour on two cores.
    """
    python = pathlib.Path("build/pythons/3.14t-tsan/bin/python3").resolve()
    if not python.exists():
        session.skip(f"there is no {python}")
    environment = pathlib.Path(session.create_tmp()).resolve() / "environment"
    logs = environment.parent / "sanitizer"
    take_reports(logs)
    # CPython has races of its own, which are not looked at.
    quiet = {"TSAN_OPTIONS": "report_bugs=0"}
    options = f"exitcode=0:allocator_may_return_null=1:log_path={logs}"
    session.run(python, "-m", "venv", "--clear", environment, env=quiet, external=True)
    inside = [f"{environment}/bin/python", "-m"]
    install = ["pip", "install", "--quiet", "--prefer-binary", "pytest-run-parallel"]
    session.run(*inside, *install, *pip_settings("thread"), ".[test]", env=quiet, external=True)
    run = {"env": {"TSAN_OPTIONS": options}, "external": True}
    session.run(inside[0], "-c", PLANTED_RACE, **run, silent=True, log=False)
    if "zerofill::zeroing" not in take_reports(logs):
        session.error("ThreadSanitizer did not report two threads that clear one array")
    tests = session.posargs or [f"tests/unit/test_{name}.py" for name in TESTS_OF_MEMORY]
    session.run(*inside, "pytest", "-q", "--parallel-threads=4", *tests, **run)
    if reports := take_reports(logs):
        session.error(f"ThreadSanitizer reported:\n{reports}")


@nox.session
def sanitize(session: nox.Session) -> None:
    """Run the module and its tests under AddressSanitizer and UndefinedBehaviorSanitizer."""
    session.install(*pip_settings("address,undefined"), ".[test]")
    logs = pathlib.Path(session.create_tmp()).resolve() / "sanitizer"
    take_reports(logs)
    environment = sanitizer_environment(logs)
    # A run that finds nothing could also be one that looks at nothing. So first what must be found.
    for program, status, words in PLANTED:
        run = ["python", "-c", program]
        session.run(*run, env=environment, success_codes=[status], silent=True, log=False)
        if words not in take_reports(logs):
            session.error(f"no sanitizer reported this, which it must:{program}")
    session.run("python", "-c", IS_UNDEFINED_BEHAVIOR_LOOKED_FOR, env=environment, log=False)
    try:
        session.run(
            # Standard error stays open, because UndefinedBehaviorSanitizer writes its report there.
            *("python", "-m", "pytest", "-q", "--capture=sys", "-p", "no:cacheprovider"),
            *(session.posargs or ["tests/unit", "tests/contract", "tests/concurrent"]),
            env=environment,
        )
    finally:  # also of processes that a test started and whose status it did not look at
        if reports := take_reports(logs):
            session.error(f"a sanitizer reported:\n{reports}")


@nox.session
def native(session: nox.Session) -> None:
    """Build and run the C++ tests. Arguments are presets: debug, asan, tsan (all by default)."""
    session.install(*group("native"))
    for preset in session.posargs or NATIVE_PRESETS:
        build = configure(session, preset)
        session.run("cmake", "--build", build, "--parallel", "2")
        session.run("ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error")


@nox.session
def machines(session: nox.Session) -> None:
    """Run tests in small machines that this one is not: tests/platforms/machine.py, with names.

    The one that is called aarch64 needs Debian's g++-aarch64-linux-gnu and qemu-system-arm.
    """
    session.install(*group("native"))
    install_zerofill(session, "test")
    build = configure(session, "debug")
    session.run("cmake", "--build", build, "--parallel", "2")
    command = ["python", "tests/platforms/machine.py", "--native", build]
    if "aarch64" in session.posargs:
        command += ["--aarch64", cross_build(session, "aarch64")]
    session.run(*command, *session.posargs)


@nox.session
def windows(session: nox.Session) -> None:
    """Cross-build for Windows, and run the native tests and Python's under wine.

    Arguments are pytest's; without any, the unit and contract tests run.
    """
    session.install(*group("native"), *group("wine"), *BUILD_REQUIRES)
    has_wine = shutil.which("wine64") or shutil.which("wine64", path="/usr/lib/wine")
    if not has_wine or shutil.which("x86_64-w64-mingw32-g++-posix") is None:
        session.skip("there is no wine64, or no MinGW-w64, here")
    build = cross_build(session, "windows")
    session.run("ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error")
    tests = session.posargs or ["-q", "tests/unit", "tests/contract"]
    session.run("python", "tests/platforms/windows.py", *tests)


@nox.session
def musl(session: nox.Session) -> None:
    """Build a Python for musl, and run Python's tests there. Arguments are pytest's.

    It takes a quarter of an hour on two cores the first time.
    """
    session.install(*group("native"), *group("zig"))
    tests = ["unit", "contract", "concurrent", "sharing", "trust"]
    arguments = session.posargs or ["-q", *(f"tests/{name}" for name in tests)]
    session.run("python", "tests/platforms/musl.py", *arguments)


@nox.session
def elsewhere(session: nox.Session) -> None:
    """Cross-build the core and its tests for macOS and for musl, and run what runs here."""
    session.install(*group("native"), *group("zig"))
    cross_build(session, "macos")
    build = cross_build(session, "musl")
    session.run("ctest", "--test-dir", build, "--output-on-failure", "--no-tests=error")


def cross_build(session: nox.Session, system: str) -> str:
    """Build the core and its tests for another system, with warnings as errors."""
    toolchain = pathlib.Path(f"tests/platforms/toolchains/{system}.cmake").resolve()
    build = configure(session, "debug", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", name=system)
    session.run("cmake", "--build", build, "--parallel", "2")
    return build


@nox.session
def mutants(session: nox.Session) -> None:
    """Put faults into the core and see the native tests find them. Arguments are words of names."""
    session.install(*group("native"))
    session.run("python", "tests/trust/mutants.py", *session.posargs)


def configure(session: nox.Session, preset: str, *options: str, name: str = "") -> str:
    """Configure a preset of CMakePresets.json; return its build folder."""
    folder = os.environ.get("ZEROFILL_BUILDS") or session.create_tmp()
    build = str(pathlib.Path(folder).resolve() / (name or preset))
    session.run("cmake", "--preset", preset, "-G", "Ninja", "-B", build, *options, silent=True)
    return build


# Wheels, documentation, figures -----------------------------------------------------------------


@nox.session
def wheels(session: nox.Session) -> None:
    """Build a wheel on each CPython found here, check it and test it. Argument: their folder."""
    session.install(*group("wheels"))
    folder = pathlib.Path(session.posargs[0] if session.posargs else "dist").resolve()
    # The wheel for this Python is tested by the other sessions, where they install it.
    own = sysconfig.get_config_var("py_version_short") + sys.abiflags
    tested = own if "ZEROFILL_WHEELS" in os.environ else ""
    pythons = find_pythons(session)
    if not pythons or tested not in ["", *dict(pythons)]:
        session.error(f"there is no Python {tested} with headers here, to build a wheel for")
    for version, python in pythons:
        session.log(f"Python {version}")
        wheel = build_wheel(session, python, version, folder)
        if version != tested:
            test_wheel(session, wheel, python, version)


def build_wheel(session: nox.Session, python: str, version: str, folder: pathlib.Path) -> str:
    """Return the path of the repaired wheel."""
    built = pathlib.Path(session.create_tmp()).resolve() / f"wheel-{version}"
    shutil.rmtree(built, ignore_errors=True)
    session.run(python, "-m", "venv", f"{built}/venv", external=True)
    pip = [f"{built}/venv/bin/python", "-m", "pip"]
    settings = ["-C", "cmake.define.CMAKE_COMPILE_WARNING_AS_ERROR=ON"]
    command = [*pip, "wheel", "--quiet", "--no-deps", *settings, "-w", f"{built}/raw", "."]
    session.run(*command, external=True)
    (raw,) = glob.glob(f"{built}/raw/*.whl")
    session.run("auditwheel", "repair", "--wheel-dir", f"{built}/repaired", raw)
    session.run("python", ".ci/check_wheel.py", f"{built}/repaired")
    (repaired,) = glob.glob(f"{built}/repaired/*.whl")
    folder.mkdir(parents=True, exist_ok=True)
    # Under its name it is whole: other sessions may look for it meanwhile.
    shutil.copy(repaired, folder / "unfinished")
    return str((folder / "unfinished").replace(folder / pathlib.Path(repaired).name))


def test_wheel(session: nox.Session, wheel: str, python: str, version: str) -> None:
    """Install a wheel in an environment of its own, and run the tests that depend on Python."""
    environment = str(pathlib.Path(session.create_tmp()).resolve() / f"test-{version}")
    session.run(python, "-m", "venv", "--clear", environment, external=True)
    inside = [f"{environment}/bin/python", "-m"]
    # A release that has no wheel for this Python yet would be built for half an hour.
    install = ["pip", "install", "--quiet", "--prefer-binary", f"{wheel}[test]"]
    session.run(*inside, *install, external=True)
    selected = ["tests/unit", "tests/contract", "tests/trust/test_failing_calls.py"]
    session.run(*inside, "pytest", "-q", "-p", "no:cacheprovider", *selected, external=True)


def find_pythons(session: nox.Session) -> list[tuple[str, str]]:
    """Return version and path of each CPython that a wheel can be built for, one a version."""
    folders = os.environ["PATH"].split(os.pathsep)
    outside = [folder for folder in folders if not folder.startswith(session.virtualenv.location)]
    names = {f"python3.{minor}{kind}" for minor in range(10, 20) for kind in ("", "t")}
    found = [shutil.which(name, path=os.pathsep.join(outside)) for name in sorted(names)]
    found += glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3"))
    # By tests/platforms/pythons.py. Not those for a sanitizer, whose names end otherwise.
    found += glob.glob(os.path.abspath("build/pythons/*[0-9t]/bin/python3"))
    versions: dict[str, str] = {}
    for candidate in filter(None, found):
        described = session.run(
            *(candidate, "-c", DESCRIBE_PYTHON),
            external=True,
            silent=True,
            success_codes=range(256),
            stderr=None,
        )
        match = re.match(r"(3\.\d+t?) (/\S+)$", (described or "").strip())
        if match:
            versions.setdefault(match[1], match[2])
    return sorted(versions.items(), key=lambda item: [int(n) for n in re.findall(r"\d+", item[0])])


@nox.session
def docs(session: nox.Session) -> None:
    """Build the pages; a warning is an error. Argument: their folder."""
    session.install(*group("docs"))
    install_zerofill(session)
    folder = session.posargs[0] if session.posargs else "build/docs"
    session.run("sphinx-build", "-q", "-W", "docs", folder)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmark suite, and draw its tables and plots. Argument: their folder."""
    session.install(*group("bench"), ".")
    session.run("python", "bench/report.py", *session.posargs)
