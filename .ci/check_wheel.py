"""Look into wheels: ``python check_wheel.py FOLDER`` fails where one is not fit to be published."""

import pathlib
import re
import sys
import zipfile

MOST_BYTES = 500_000
NEEDED = ("zerofill/__init__.py", "zerofill/py.typed", "zerofill/_zerofill.pyi")
# A folder of whoever built it, or what it was tuned for.
TRACES = re.compile(
    rb"/(?:home|root|tmp|Users|project|work|github)/[\w.-]{3,}|[A-Z]:\\(?:Users|a)\\|-m(?:arch|tune|cpu)="
)


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
        for name in names:
            traces = sorted(
                {match.group().decode() for match in TRACES.finditer(archive.read(name))}
            )
            if traces:
                found.append(f"tells in {name} where or for what it was built: {traces}")
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
