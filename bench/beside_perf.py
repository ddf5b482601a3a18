"""The share of a program's time that ``zerofill profile`` shows, beside what perf(1) shows.

``python bench/beside_perf.py script.py`` profiles a program that runs in one process, five times,
while perf records where its main thread is. perf's share is that of the samples within zerofill or
within a page fault. Both look at the same run. Build zerofill so that perf can tell its calls::

    CXXFLAGS="-fno-omit-frame-pointer -mno-omit-leaf-frame-pointer" pip install .
"""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

SAMPLES_PER_SECOND = 2000


def profiled(program: list[str], folder: str) -> float:
    """Run a program under both, and return the share that the profile shows."""
    record = ["perf", "record", "-q", "-F", str(SAMPLES_PER_SECOND), "-e", "cpu-clock", "-g"]
    profile = [sys.executable, "-m", "zerofill", "profile", "--json", f"{folder}/profile.json"]
    command = [*record, "-o", f"{folder}/perf.data", "--", *profile, *program]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = json.loads(pathlib.Path(folder, "profile.json").read_text("utf-8"))
    seconds = found["allocating_seconds"] + found["other_system_seconds"]
    return seconds / found["process_seconds"]


def sampled(folder: str) -> float:
    """Return the share of the samples that are within zerofill or a page fault."""
    show = ["perf", "script", "-i", f"{folder}/perf.data", "-F", "pid,tid,ip,sym,dso"]
    text = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    stacks = collections.defaultdict(list)  # of the main thread of each process
    for sample in text.strip().split("\n\n"):
        head, _, stack = sample.partition("\n")
        pid, tid = head.strip().split("/")
        if pid == tid:
            stacks[pid].append(stack)
    program = max(stacks.values(), key=len)
    within = sum("_zerofill" in stack or "page_fault" in stack for stack in program)
    return within / len(program)


def main() -> None:
    """Print a line a run, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    print("| run | profile | perf | ratio |")
    print("|---|---|---|---|")
    ratios = []
    for turn in range(1, options.rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            ours = profiled(options.program, folder)
            theirs = sampled(folder)
        ratios.append(ours / theirs)
        print(f"| {turn} | {ours:.1%} | {theirs:.1%} | {ratios[-1]:.2f} |", flush=True)
    print(f"| median | | | {statistics.median(ratios):.2f} |")


if __name__ == "__main__":
    main()
