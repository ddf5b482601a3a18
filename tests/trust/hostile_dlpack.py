"""Give `clear` random DLPack records: ``python hostile_dlpack.py COUNT [SEED]``.

A record starts as an honest one of a part of some memory; then fields of it get other values. The
memory has guard bytes on both sides. What a record says is judged here in Python's exact integers:

- It cannot be true, or is not for `clear`: it must be refused.
- It is of the memory: exactly its elements must be zeroed.
- It is of other addresses that there could be: nobody can know, so it is drawn again.

A failure prints its seed, which repeats it.
"""

import collections
import ctypes
import faulthandler
import json
import random
import sys
import traceback

import numpy as np
from dlpack_records import Managed, new_capsule

import zerofill

REFUSALS = (TypeError, ValueError, BufferError)
GUARD_BYTES = REGION_BYTES = 4096
FILL = 0xA5
MAX_DIMENSIONS = 64
MAX_INT64 = 2**63 - 1
MAX_ADDRESS = 2**64 - 1
WRITABLE_DEVICES = (1, 3, 11, 13)
EDGES = [0, 1, 2, 3, 7, 64, 2**31 - 1, 2**31, 2**32, 2**33, 2**59, 2**60, 2**61, 2**62, 2**63 - 1]
SIGNED = [*EDGES, *(-edge for edge in EDGES), -(2**63)]
UNSIGNED = [*EDGES, 2**63, 2**63 + 1, 2**64 - 4096, 2**64 - 64, 2**64 - 1]


class Record:
    """What a capsule says. Lengths and strides, in elements, may be None."""

    def __init__(self, chance: random.Random, address: int) -> None:
        self.bits, self.lanes = chance.choice([(8, 1), (16, 1), (32, 1), (64, 1), (4, 2), (32, 3)])
        run = self.bits * self.lanes // 8
        dimensions = chance.choice([0, 1, 1, 2, 2, 3, 4, MAX_DIMENSIONS])
        most = 1 if dimensions == MAX_DIMENSIONS else 7
        self.lengths = [chance.randint(1, most) for _ in range(dimensions)]
        self.strides = [chance.randint(-9, 9) for _ in range(dimensions)]
        below, above = reach(self.lengths, self.strides, run)
        start = chance.randint(below, max(below, REGION_BYTES - above))
        self.byte_offset = chance.choice([0, start])
        self.data = address + start - self.byte_offset
        self.ndim = dimensions
        self.major, self.flags, self.code, self.device_type = 1, 0, 2, 1
        for field in chance.sample(sorted(CHANGES), chance.choice([0, 1, 1, 2, 3])):
            CHANGES[field](self, chance)

    def to_managed(self) -> Managed:
        """Return the structure. Its arrays have room for all dimensions that may be read."""
        fields = dict(vars(self))
        for name, numbers in (("shape", fields.pop("lengths")), ("strides", fields.pop("strides"))):
            if numbers is not None:
                fields[name] = (ctypes.c_int64 * (MAX_DIMENSIONS + 1))(*numbers)
        return Managed(**fields)


def change(field, values):
    """Return a function that changes a field to one of the values."""
    return lambda record, chance: setattr(record, field, chance.choice(values))


def change_one_of(field, values):
    """Return a function that changes one number of a list to one of the values."""

    def change_it(record, chance):
        numbers = getattr(record, field)
        if numbers:
            numbers[chance.randrange(len(numbers))] = chance.choice(values)

    return change_it


CHANGES = {
    "a length": change_one_of("lengths", SIGNED),
    "another length": change_one_of("lengths", SIGNED),
    "a stride": change_one_of("strides", SIGNED),
    "another stride": change_one_of("strides", SIGNED),
    "no lengths": change("lengths", [None]),
    "no strides": change("strides", [None]),
    "ndim": change("ndim", [-(2**31), -1, 0, 1, 2, 3, 63, 64, 65, 2**31 - 1]),
    "bits": change("bits", [0, 1, 4, 7, 8, 12, 64, 128, 255]),
    "lanes": change("lanes", [0, 1, 2, 8, 2**15, 2**16 - 1]),
    "code": change("code", [0, 1, 3, 5, 6, 14, 17, 255]),
    "device": change("device_type", [-1, 0, 1, 2, 3, 7, 10, 11, 13, 14, 2**31 - 1]),
    "flags": change("flags", [1, 2, 3, 4, 8, 2**63]),
    "version": change("major", [0, 1, 2, 2**32 - 1]),
    "data": change("data", [None, 0, 1, 2**47, 2**63, 2**64 - 1]),
    "offset": change("byte_offset", UNSIGNED),
}


def reach(lengths, strides, run_bytes):
    """Return how many bytes the elements reach below and above the address of the first one."""
    steps = [(n - 1) * s * run_bytes for n, s in zip(lengths, strides, strict=True)]
    return -sum(min(0, step) for step in steps), run_bytes + sum(max(0, step) for step in steps)


def c_order(lengths):
    """Return the strides of a tensor that gives none."""
    strides = [1]
    for length in reversed(lengths[1:]):
        strides.insert(0, strides[0] * length)
    return strides[: len(lengths)]


def is_for_clear(record: Record) -> bool:
    """Return whether a record is one that `clear` takes, wherever its memory is."""
    bits = record.bits * record.lanes
    return (
        record.major == 1
        and record.device_type in WRITABLE_DEVICES
        and not record.flags & 3  # read-only, a copy
        and record.code not in (3, 14)  # opaque handle, float8_e8m0fnu
        and bits != 0
        and bits % 8 == 0
        and not (record.flags & 4 and record.bits % 8)  # each padded to a byte
        and 0 <= record.ndim <= MAX_DIMENSIONS
        and (record.ndim == 0 or record.lengths is not None)
    )


def judge(record: Record, address: int) -> tuple[str, np.ndarray]:
    """Return what must become of a record, and the offsets of the bytes that must be zeroed."""
    nothing = np.empty(0, np.intp)
    if not is_for_clear(record):
        return "refused", nothing
    room = [0] * MAX_DIMENSIONS  # what to_managed() leaves in its arrays
    lengths = [*(record.lengths or []), *room][: record.ndim]
    if min(lengths, default=1) < 0:
        return "refused", nothing
    if 0 in lengths:
        return "empty", nothing
    given = record.strides
    strides = c_order(lengths) if given is None else [*given, *room][: record.ndim]
    run = record.bits * record.lanes // 8
    below, above = reach(lengths, strides, run)
    start = (record.data or 0) + record.byte_offset
    count = run
    for length in lengths:
        count *= length
    if (
        not record.data
        or max((abs(stride) * run for stride in strides), default=0) > MAX_INT64
        or max(count, below + above) > MAX_INT64
        or start < below
        or start + above > MAX_ADDRESS
    ):
        return "refused", nothing
    if start - below < address or start + above > address + REGION_BYTES or count > 2**16:
        return "drawn again", nothing
    offsets = np.array([start - address + GUARD_BYTES])
    for length, stride in zip(lengths, strides, strict=True):
        if length > 1:
            offsets = (offsets[:, None] + np.arange(length) * (stride * run)).reshape(-1)
    return "cleared", (offsets[:, None] + np.arange(run)).reshape(-1)


class Exporter:
    """An object that gives a record."""

    def __init__(self, managed: Managed) -> None:
        self.managed = managed

    def __dlpack__(self, **options):
        return new_capsule(ctypes.addressof(self.managed), b"dltensor_versioned", None)


def clear(record: Record) -> str:
    """Return what became of a record."""
    try:
        zerofill.clear(Exporter(record.to_managed()))
    except REFUSALS:
        return "refused"
    return "cleared"


def main(count: int, seed: int) -> int:
    """Try that many records; return the exit code."""
    faulthandler.enable()
    memory = np.full(REGION_BYTES + 2 * GUARD_BYTES, FILL, "u1")
    address = memory.ctypes.data + GUARD_BYTES
    outcomes: collections.Counter = collections.Counter()
    tried = 0
    while tried < count:
        record = Record(random.Random(seed), address)
        expected, zeroed = judge(record, address)
        seed += 1
        outcomes[expected] += 1
        if expected == "drawn again":
            continue
        tried += 1
        expected_memory = np.full_like(memory, FILL)
        expected_memory[zeroed] = 0
        try:
            became = clear(record)
            assert became == expected.replace("empty", "cleared"), became
            assert (memory == expected_memory).all(), "other bytes were written"
        except BaseException:
            traceback.print_exc()
            print(f"seed {seed - 1}: {vars(record)} must be {expected}", file=sys.stderr)
            return 1
        memory[zeroed] = FILL
    print(json.dumps(outcomes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
