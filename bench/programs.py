"""Programs of two public collections with each allocator, each way in a process of its own.

``python bench/programs.py --npbench FOLDER --pyhpc FOLDER`` prints a table of each program's time
over plain NumPy's, and the geometric means. The folders are clones of spcl/npbench and of
dionhaefner/pyhpc-benchmarks, which are not part of this project; either may be left out.
"""

import argparse
import math
import pathlib
import statistics

from allocators import OURS, PLAIN, WAYS, installed_ways, medians, print_header, print_row
from allocators import run_in_turn

NPBENCH = [
    *("arc_distance", "azimint_hist", "azimint_naive", "cavity_flow", "channel_flow", "compute"),
    *("conv2d_bias", "fdtd_2d", "hdiff", "heat_3d", "jacobi_2d", "lenet", "mandelbrot1"),
    *("mandelbrot2", "nbody", "softmax", "stockham_fft", "vadv"),
]
PYHPC = ["equation_of_state", "isoneutral_mixing", "turbulent_kinetic_energy"]
PYHPC_SIZES = [16384, 65536, 262144]


def check_results(label: str, records: dict[str, list[dict[str, float]]]) -> None:
    """Raise an error if the ways do not agree on the result."""
    checks = [record["check"] for of_way in records.values() for record in of_way]
    if not all(math.isclose(check, checks[0], rel_tol=1e-6) for check in checks):
        raise SystemExit(f"{label}: the ways have different results: {checks}")


def print_means(label: str, found: list[dict[str, dict[str, float]]], ways: list[str]) -> None:
    """Print the geometric mean of each way, and the peak memory over plain NumPy's."""
    if not found:
        return
    means, peaks = [], []
    for way in ways:
        ratios = [one[way]["seconds"] / one[PLAIN]["seconds"] for one in found]
        means.append(f"{statistics.geometric_mean(ratios):.3f}")
        memory = [one[way]["peak_bytes"] / one[PLAIN]["peak_bytes"] for one in found]
        peaks.append(f"{statistics.median(memory):.2f} to {max(memory):.2f}")
    print(f"| geometric mean of {label} | | {' | '.join(means)} | | | |")
    print(f"| peak memory over NumPy's, median to most | | {' | '.join(peaks)} | | | |")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--npbench", type=pathlib.Path)
    parser.add_argument("--pyhpc", type=pathlib.Path)
    parser.add_argument("--programs", nargs="+", help="only these")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    programs: list[tuple[object, ...]] = []
    if options.npbench:
        programs += [("npbench", options.npbench, name, "S") for name in NPBENCH]
    if options.pyhpc:
        programs += [("pyhpc", options.pyhpc, name, n) for name in PYHPC for n in PYHPC_SIZES]
    if not programs:
        parser.error("name a folder: --npbench or --pyhpc")
    ways = installed_ways(options.ways)
    print_header(ways)
    found = []
    for program in programs:
        if options.programs and program[2] not in options.programs:
            continue
        label = f"{program[2]} {program[3]}"
        records = run_in_turn(program, ways, options.rounds, "one_program.py")
        check_results(label, records)
        found.append(medians(records))
        print_row(label, found[-1])
    if PLAIN in ways and OURS in ways:
        print_means(f"{len(found)} programs", found, ways)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
