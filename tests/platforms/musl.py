"""Run Python's tests on a Python for musl, the C library of Alpine Linux.

``python tests/platforms/musl.py [PYTEST ARGUMENTS]`` builds CPython out of Debian's sources with
zig's compiler (PyPI's package ziglang), in about ten minutes on two cores. It gets the loader of
Debian 13, because NumPy's wheels for musl have relocations that only musl 1.2.4 and newer know.
Into it go NumPy's wheel, and ml_dtypes and zerofill, which are built here. Needs cmake, ninja and
make. What is downloaded is not verified.
"""

import argparse
import importlib.util
import os
import pathlib
import platform
import shutil
import subprocess
import sys

from debian import UnavailableError, mirror_of_this_machine, unpack, unpack_sources
from pythons import download_wheels, unpack_python_sources

PROJECT = pathlib.Path(__file__).resolve().parents[2]

VERSION = "3.13"
SUITE_OF_LOADER = "trixie"
SUITE_OF_SOURCES = "bookworm"  # those of libffi have a configure script there
TARGET = "x86_64-linux-musl"
WHEELS = ["numpy", "pytest", "hypothesis", "setuptools", "pybind11", "scikit-build-core"]

# Tests that fail on musl and not for a fault of zerofill's.
NOT_ON_MUSL = {
    "tests/trust/test_small_memory.py::test_a_stencil_faults_no_page": "musl's malloc returns what "
    "NumPy's iterators free to the system, 64 KiB at a time",
    "tests/trust/test_static_tls.py::test_import_without_static_tls": "it is about glibc's limit",
}


def write_tools(folder: pathlib.Path) -> dict[str, str]:
    """Write compilers for musl into a folder; return the environment in which they are used."""
    zig = pathlib.Path(importlib.util.find_spec("ziglang").origin).with_name("zig")
    folder.mkdir(parents=True, exist_ok=True)
    for tool in ["cc", "c++", "ar", "ranlib"]:
        target = f"-target {TARGET} -dynamic -fPIC -Wno-date-time" if tool.startswith("c") else ""
        (folder / tool).write_text(f'#!/bin/sh\nexec {zig} {tool} {target} "$@"\n')
        (folder / tool).chmod(0o755)
    names = {"CC": "cc", "CXX": "c++", "AR": "ar", "RANLIB": "ranlib"}
    tools = {variable: str(folder / name) for variable, name in names.items()}
    return {**os.environ, **tools}


def build(
    source: pathlib.Path, options: list[str], targets: list[str], env: dict[str, str]
) -> None:
    """Configure, make and install a package."""
    commands = [["./configure", *options], ["make", "-s", f"-j{os.cpu_count()}", *targets]]
    for command in [*commands, ["make", "-s", "install"]]:
        done = subprocess.run(command, cwd=source, env=env, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{source.name}: {' '.join(command)}: {done.stderr[-2000:]}")


def make_python(folder: pathlib.Path) -> None:
    """Make the folder ``python``, with NumPy, ml_dtypes and pytest."""
    home, debian = folder / "python", folder / "debian"
    for name in ["debian", "python", "sources", "tools", "wheels"]:
        shutil.rmtree(folder / name, ignore_errors=True)
    loader = unpack("musl", SUITE_OF_LOADER, "amd64", debian) / f"usr/lib/{TARGET}/libc.so"
    env = write_tools(folder / "tools")
    env["LDFLAGS"] = f"-Wl,--dynamic-linker={loader}"
    env["PKG_CONFIG_LIBDIR"] = str(home / "lib/pkgconfig")  # not this machine's libraries
    prefix = f"--prefix={home}"
    names = ["shared", "docs", "multi-os-directory", "exec-static-tramp"]
    libffi = [f"--disable-{name}" for name in names]
    build(
        unpack_sources("libffi", SUITE_OF_SOURCES, "amd64", debian),
        [prefix, f"--host={TARGET}", f"--libdir={home}/lib", *libffi],
        [],
        env,
    )
    build(
        unpack_sources("zlib", SUITE_OF_SOURCES, "amd64", debian),
        [prefix, "--static"],
        ["libz.a"],
        env,
    )
    unpack_python_sources(VERSION, mirror_of_this_machine(), folder / "sources")
    # By what CPython knows musl, which clang's own header does not define.
    env["CPP"] = f"{env['CC']} -E -D__DEFINED_va_list"
    build(folder / "sources", ["-q", prefix], [], env)
    shutil.rmtree(folder / "sources")
    wheels = folder / "wheels"
    download_wheels("musllinux_1_2_x86_64", VERSION, "download", "--dest", wheels, *WHEELS)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-binary=:all:", "--dest", wheels, "ml_dtypes"], check=True)
    (sources,) = wheels.glob("ml_dtypes*.tar.gz")
    install(folder, "--find-links", wheels, *WHEELS)
    install(folder, "--no-deps", "--no-build-isolation", sources)
    (folder / "complete").touch()


def install(folder: pathlib.Path, *arguments: object) -> None:
    """Install into the Python for musl what lies here, built with the tools for musl."""
    pip = [folder / "python/bin/python3", "-m", "pip", "install", "--quiet", "--no-index"]
    subprocess.run([*pip, *map(str, arguments)], env=write_tools(folder / "tools"), check=True)


def reason_to_skip() -> str:
    """Return why this cannot be run here; nothing where it can."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        return "it is made on Linux on x86-64"
    if importlib.util.find_spec("ziglang") is None:
        return "there is no package ziglang here"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = PROJECT / "build/musl"
    parser.add_argument("--folder", type=pathlib.Path, default=default, help="where it is made")
    options, arguments = parser.parse_known_args()
    folder, reason = options.folder.resolve(), reason_to_skip()
    if not reason and not (folder / "complete").exists():
        try:
            make_python(folder)
        except UnavailableError as error:
            reason = str(error)
    if reason:
        print(f"skipped: musl ({reason})")
        return 0
    install(folder, "--no-deps", "--no-build-isolation", "--force-reinstall", PROJECT)
    command = [folder / "python/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    for test, why in NOT_ON_MUSL.items():
        print(f"not on musl: {test}: {why}", flush=True)
        command += ["--deselect", test]
    return subprocess.run(command, cwd=PROJECT, env=write_tools(folder / "tools")).returncode


if __name__ == "__main__":
    raise SystemExit(main())
