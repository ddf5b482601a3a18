"""One program of a public collection, in a process of its own; prints a record as JSON.

``python bench/one_program.py npbench FOLDER hdiff S`` and ``... pyhpc FOLDER equation_of_state
65536`` run it with NumPy's memory; ``--zerofill`` installs zerofill first. The folder is a clone of
spcl/npbench or of dionhaefner/pyhpc-benchmarks.
"""

import argparse
import importlib
import json
import pathlib
import resource
import statistics
import sys
import time

import numpy as np


def npbench_call(folder: pathlib.Path, name: str, preset: str):
    """Return a function that calls a program of NPBench on the inputs of a preset."""
    text = (folder / "bench_info" / f"{name}.json").read_text(encoding="utf-8")
    info = json.loads(text)["benchmark"]
    sys.path.insert(0, str(folder))
    module = f"npbench.benchmarks.{info['relative_path'].replace('/', '.')}.{info['module_name']}"
    values = dict(info["parameters"][preset])
    if info.get("init"):
        initialize = getattr(importlib.import_module(module), info["init"]["func_name"])
        made = initialize(*(values[argument] for argument in info["init"]["input_args"]))
        made = made if isinstance(made, tuple) else (made,)
        values.update(zip(info["init"]["output_args"], made, strict=True))
    program = getattr(importlib.import_module(f"{module}_numpy"), info["func_name"])
    arguments = [values[argument] for argument in info["input_args"]]
    return lambda: (program(*arguments), arguments)


def pyhpc_call(folder: pathlib.Path, name: str, size: str):
    """Return a function that calls a program of pyhpc-benchmarks on inputs of a size."""
    sys.path.insert(0, str(folder))
    return importlib.import_module(f"benchmarks.{name}").get_callable("numpy", int(size))


def checksum(result) -> float:
    """Return the sum of the finite parts of all arrays of a result, without a copy of an array."""
    if isinstance(result, (tuple, list)):
        return sum(checksum(part) for part in result)
    if not isinstance(result, np.ndarray) or result.dtype.kind not in "biufc":
        return 0.0
    parts = (result.flat[i : i + 4096] for i in range(0, result.size, 4096))
    finite = (np.nan_to_num(part.astype("c16"), posinf=0, neginf=0) for part in parts)
    return sum(float(np.abs(part).sum()) for part in finite)


def main() -> None:
    """Time one program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", choices=["npbench", "pyhpc"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("name")
    parser.add_argument("size", help='a preset of NPBench ("S"), or a number of elements')
    parser.add_argument("--zerofill", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    if options.zerofill:
        import zerofill

        zerofill.install(threads=True)
    np.seterr(all="ignore")
    make = npbench_call if options.collection == "npbench" else pyhpc_call
    call = make(options.folder, options.name, options.size)
    check = checksum(call())
    start = time.perf_counter()
    call()
    calls = max(3, int(options.seconds / (time.perf_counter() - start)))
    times = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    record = {
        "seconds": statistics.median(times),
        "faults": (usage.ru_minflt - before) / calls,
        "peak_bytes": usage.ru_maxrss * 1024,
        "check": check,
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
