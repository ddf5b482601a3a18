"""Build Pythons that this machine does not have, out of the newest sources that Debian has.

``python tests/platforms/pythons.py 3.13t 3.14 3.14t 3.15`` builds each, without optimising it by a
profile, into ``build/pythons``, where ``nox -s wheels`` finds it. "t" is for free-threaded, and
``3.14t-tsan`` for one that ThreadSanitizer looks at. Each takes about four minutes on two cores. It
needs a C compiler and the packages libssl-dev, zlib1g-dev, libffi-dev, libbz2-dev and liblzma-dev.
What is downloaded is not verified.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

from debian import UnavailableError, extract, mirror_of_this_machine

PROJECT = pathlib.Path(__file__).resolve().parents[2]


def unpack_python_sources(number: str, mirror: str, folder: pathlib.Path) -> str:
    """Unpack the newest sources of a version, such as "3.14"; return their archive's name."""
    archive = _download_sources(number, mirror, folder.parent)
    extract(archive, folder)
    return archive.name


def _download_sources(number: str, mirror: str, folder: pathlib.Path) -> pathlib.Path:
    package = f"python{number}"
    patches = [str(patch) for patch in range(40, -1, -1)] + [f"0~rc{n}" for n in (3, 2, 1)]
    for patch in patches:
        name = f"{package}_{number}.{patch}.orig.tar.xz"
        address = f"{mirror.rstrip('/')}/pool/main/p/{package}/{name}"
        archive = folder / name
        try:
            with urllib.request.urlopen(address) as found:
                archive.write_bytes(found.read())
        except urllib.error.HTTPError:
            continue
        except urllib.error.URLError as error:
            raise UnavailableError(f"{mirror}: {error.reason}") from error
        return archive
    raise UnavailableError(f"the mirror has no sources of {package}")


def download_wheels(platform: str, version: str, command: str, *arguments: object) -> None:
    """Run ``pip download`` or ``pip install --target`` for another platform's Python."""
    other = ["--platform", platform, "--python-version", version, "--only-binary", ":all:"]
    pip = [sys.executable, "-m", "pip", command, "--quiet", *other, *map(str, arguments)]
    if subprocess.run(pip, stderr=subprocess.DEVNULL).returncode != 0:
        raise UnavailableError(
            f"pip {command} {' '.join(map(str, arguments))} for {platform} fails"
        )


def build(version: str, folder: pathlib.Path, mirror: str) -> str:
    """Build a version, such as "3.14t", and install it in a folder of that name."""
    work = folder / f"work-{version}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    source = work / "source"
    number, _, sanitizer = version.partition("-")
    archive = unpack_python_sources(number.removesuffix("t"), mirror, source)
    options = ["--disable-gil"] if number.endswith("t") else []
    install = ["make", "-s", "install"]
    if sanitizer == "tsan":
        options.append("--with-thread-sanitizer")
        install.append("COMPILEALL_OPTS=-x .")  # no file, or it takes a quarter of an hour
    for command in [
        ["./configure", "-q", f"--prefix={folder / version}", *options],
        ["make", "-s", f"-j{os.cpu_count()}"],
        install,
    ]:
        subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(work)
    return archive


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("versions", nargs="+", metavar="VERSION", help='such as "3.14" or "3.14t"')
    default = PROJECT / "build/pythons"
    parser.add_argument("--folder", type=pathlib.Path, default=default, help="where they go")
    parser.add_argument("--mirror", help="of Debian; by default the one that apt-get uses")
    options = parser.parse_args()
    folder = options.folder.resolve()
    for version in options.versions:
        python = folder / version / "bin/python3"
        if not python.exists():
            start = time.monotonic()
            try:
                name = build(version, folder, options.mirror or mirror_of_this_machine())
            except UnavailableError as error:
                raise SystemExit(str(error)) from error
            print(f"{name}: {time.monotonic() - start:.0f} s")
        print(python, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
