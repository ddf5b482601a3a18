"""Look into wheels: ``python check_wheel.py FOLDER`` fails where one is not fit to be published."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

MOST_BYTES = 500_000
NEEDED = ("zerofill/__init__.py", "zerofill/py.typed", "zerofill/_zerofill.pyi")
# A folder of whoever built it.
TRACES = re.compile(
    rb"/(?:home|root|tmp|Users|project|work|github)/[\w.-]{3,}|[A-Z]:\\(?:Users|a)\\"
)
# Beyond what every x86-64 has: those of kernel/stream_lines_x86_64.cpp, which asks the CPU first.
# Flags like -march=native put others everywhere.
VECTORS_ASKED_FOR = {"vpxor", "vxorps", "vmovntdq", "vmovntps", "vzeroupper"}


def vectors(module: bytes) -> set[str]:
    """Return the names of the module's AVX instructions; none where objdump(1) is missing."""
    if not module.startswith(b"\x7fELF") or shutil.which("objdump") is None:
        return set()
    with tempfile.NamedTemporaryFile() as file:
        file.write(module)
        file.flush()
        command = ["objdump", "-d", "--no-show-raw-insn", file.name]
        listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "x86-64" not in listing:
        return set()
    return set(re.findall(r"^ *[0-9a-f]+:\t(v\w+)", listing, re.M))


def faults(wheel: pathlib.Path) -> list[str]:
    """Return what is wrong with a wheel."""
    found = []
    if wheel.stat().st_size > MOST_BYTES:
        found.append(f"has {wheel.stat().st_size} bytes, more than {MOST_BYTES}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        found += [f"lacks {name}" for name in NEEDED if name not in names]
        modules = [name for name in names if re.fullmatch(r"zerofill/_zerofill\.\S+", name)]
        if not any(name.endswith((".so", ".pyd")) for name in modules):
            found.append("lacks the extension module")
        for name in modules:
            tuned = sorted(vectors(archive.read(name)) - VECTORS_ASKED_FOR)
            if tuned:
                found.append(f"runs on some CPUs only: {name} has {', '.join(tuned[:5])}")
        for name in names:
            traces = sorted(
                {match.group().decode() for match in TRACES.finditer(archive.read(name))}
            )
            if traces:
                found.append(f"tells in {name} where it was built: {traces}")
    return found


def main() -> int:
    """Check every wheel of the folder; return 0 when there is one and all are good."""
    wheels = sorted(pathlib.Path(sys.argv[1]).glob("*.whl"))
    bad = False
    for wheel in wheels:
        found = faults(wheel)
        bad |= bool(found)
        print(f"{wheel.name}: {'; '.join(found) or 'good'}, {wheel.stat().st_size} bytes")
    return 0 if wheels and not bad else 1


if __name__ == "__main__":
    raise SystemExit(main())
