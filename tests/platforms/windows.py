"""Run Python's tests on Windows' Python, under wine.

``python tests/platforms/windows.py [PYTEST ARGUMENTS]`` makes a Python for Windows out of CPython's
DLL, which the wheel of panda3d ships, and CPython's sources. It puts NumPy's wheel for Windows into
it, and zerofill, cross-built with warnings as errors, and runs pytest there. Where wine64 or
MinGW-w64 is missing (Debian's packages wine64 and g++-mingw-w64-x86-64-posix), it is skipped. Needs
cmake, ninja and pybind11 beside this Python. What is downloaded is not verified.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import pefile
from debian import UnavailableError, mirror_of_this_machine
from pythons import download_wheels, unpack_python_sources

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]

VERSION = "3.13"
PLATFORM = "win_amd64"
TAG = f"cp{VERSION.replace('.', '')}"
DLL = f"python{VERSION.replace('.', '')}.dll"
REQUIREMENTS = ["numpy", "ml_dtypes", "pytest", "hypothesis", "colorama"]
COMPILER = "x86_64-w64-mingw32-gcc-posix"

# NumPy imports the C library's mathematics from the first; what is missing there comes from the
# second, whose name has as many letters, and which passes the rest on.
MATH = b"api-ms-win-crt-math-l1-1-0.dll"
OWN_MATH = b"api-ms-win-own-math-l1-1-0.dll"

# Tests that fail under wine and not for a fault of zerofill's.
NOT_UNDER_WINE = {
    "tests/unit/test_run.py::test_every_array_of_every_thread_and_process_is_zerofills": "its "
    "process pools hang without zerofill too",
}

WINE = shutil.which("wine64") or shutil.which("wine64", path="/usr/lib/wine") or ""


def unpack_interpreter(home: pathlib.Path, sources: pathlib.Path) -> None:
    """Put CPython's DLLs, its extension modules, its library and a python.exe into a folder."""
    (home / "DLLs").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        download_wheels(PLATFORM, VERSION, "download", "--no-deps", "--dest", folder, "panda3d")
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                base = pathlib.PurePosixPath(name).name
                # Not Windows' own DLLs, nor what wine cannot do (_wmi), nor free-threaded modules.
                is_wanted = name.startswith("deploy_libs/") and re.search(r"\.(dll|pyd)$", name)
                if is_wanted and not re.match(r"api-ms-|_wmi|_test|.*t-win_amd64\.pyd", base):
                    (home / "DLLs" / base).write_bytes(archive.read(name))
    for dll in home.glob("DLLs/*.dll"):
        shutil.move(dll, home)
    shutil.copytree(sources / "Lib", home / "Lib", ignore=shutil.ignore_patterns("test"))
    launcher = [HERE / "windows/launcher.c", home / DLL, "-o", home / "python.exe"]
    subprocess.run([COMPILER, "-municode", "-O1", *launcher], check=True)
    (home / "python3").write_text(f'#!/bin/sh\nexec {WINE} {home}/python.exe "$@"\n')
    (home / "python3").chmod(0o755)


def copy_headers(sources: pathlib.Path, include: pathlib.Path) -> None:
    shutil.copytree(sources / "Include", include)
    text = (sources / "PC/pyconfig.h.in").read_text()
    (include / "pyconfig.h").write_text(text.replace("#undef Py_GIL_DISABLED", ""))


def complete_mathematics(home: pathlib.Path) -> None:
    """Let every module import the C library's mathematics from a DLL that has all of it."""
    names = set()
    for path in [*home.rglob("*.pyd"), *home.rglob("*.dll")]:
        content = path.read_bytes()
        if MATH in content:
            path.write_bytes(content.replace(MATH, OWN_MATH))
            names.update(imported_names(path, OWN_MATH))
    source = HERE / "windows/complex_math.c"
    complex_names = re.findall(r"(?:_RESULT\(|own_)(c\w+)\b", source.read_text())
    own = {name + kind for name in complex_names for kind in ("", "f", "l")}
    with tempfile.NamedTemporaryFile("w", suffix=".def") as definitions:
        exports = [f"{n} = {f'own_{n}' if n in own else f'ucrtbase.{n}'}" for n in sorted(names)]
        definitions.write("\n".join([f"LIBRARY {OWN_MATH.decode()}", "EXPORTS", *exports]))
        definitions.flush()
        output = ["-o", home / OWN_MATH.decode()]
        flags = ["-shared", "-static", "-O1", "-fno-builtin"]
        subprocess.run([COMPILER, *flags, source, definitions.name, *output], check=True)


def imported_names(path: pathlib.Path, dll: bytes) -> list[str]:
    """Return the names that a module imports from a DLL."""
    with pefile.PE(path, fast_load=True) as module:
        module.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]])
        libraries = [found for found in module.DIRECTORY_ENTRY_IMPORT if found.dll == dll]
        return [symbol.name.decode() for library in libraries for symbol in library.imports]


def make_python(folder: pathlib.Path) -> None:
    """Make the folders ``python``, with NumPy and pytest, and ``include``."""
    home, sources = folder / "python", folder / "sources"
    for name in ["python", "sources", "include"]:
        shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    unpack_python_sources(VERSION, mirror_of_this_machine(), sources)
    unpack_interpreter(home, sources)
    copy_headers(sources, folder / "include")
    shutil.rmtree(sources)
    packages = home / "Lib/site-packages"
    download_wheels(PLATFORM, VERSION, "install", "--target", packages, *REQUIREMENTS)
    complete_mathematics(home)


def build_module(folder: pathlib.Path) -> None:
    """Cross-build zerofill, and install it."""
    home, packages = folder / "python", folder / "python/Lib/site-packages"
    pybind11 = subprocess.check_output([sys.executable, "-m", "pybind11", "--cmakedir"], text=True)
    settings = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_TOOLCHAIN_FILE": HERE / "toolchains/windows.cmake",
        "CMAKE_CXX_FLAGS": "-Werror",
        "CMAKE_MODULE_LINKER_FLAGS": "-static",
        "pybind11_DIR": pybind11.strip(),
        "Python_EXECUTABLE": home / "python3",
        "Python_INCLUDE_DIR": folder / "include",
        "Python_LIBRARY": home / DLL,
        "Python_NumPy_INCLUDE_DIR": packages / "numpy/_core/include",
        "PYTHON_MODULE_EXTENSION": f".{TAG}-{PLATFORM}.pyd",
    }
    build = folder / "build"
    defines = [f"-D{name}={value}" for name, value in settings.items()]
    configure = ["cmake", "-S", PROJECT, "-B", build, "-G", "Ninja", *defines]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", build, "--parallel", str(os.cpu_count())], check=True)
    shutil.rmtree(packages / "zerofill", ignore_errors=True)
    shutil.copytree(PROJECT / "src/zerofill", packages / "zerofill")
    text = (PROJECT / "src/zerofill/__init__.py").read_text()
    (release,) = re.findall(r'^__version__ = "(.*)"', text, re.MULTILINE)
    metadata = packages / f"zerofill-{release}.dist-info/METADATA"
    metadata.parent.mkdir(exist_ok=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: zerofill\nVersion: {release}\n")
    shutil.copy(build / f"_zerofill.{TAG}-{PLATFORM}.pyd", packages / "zerofill")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = PROJECT / "build/windows"
    parser.add_argument("--folder", type=pathlib.Path, default=default, help="where it is made")
    options, arguments = parser.parse_known_args()
    if not WINE or shutil.which(COMPILER) is None:
        print("skipped: Windows (there is no wine64, or no MinGW-w64, here)")
        return 0
    folder = options.folder.resolve()
    home = folder / "python"
    # A prefix of its own, and no messages but the program's.
    os.environ.update(WINEPREFIX=str(folder / "wine"), WINEDEBUG="-all")
    if not (home / OWN_MATH.decode()).exists():
        try:
            make_python(folder)
        except UnavailableError as error:
            print(f"skipped: Windows ({error})")
            return 0
    build_module(folder)
    command = [home / "python3", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    for test, reason in NOT_UNDER_WINE.items():
        print(f"not under wine: {test}: {reason}")
        command += ["--deselect", test]
    # Under wine Python takes no file for its standard output or error, but a pipe.
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=PROJECT, text=True, errors="replace", **pipes) as process:
        for line in process.stdout:
            print(line.rstrip(), flush=True)
    return process.returncode


if __name__ == "__main__":
    raise SystemExit(main())
