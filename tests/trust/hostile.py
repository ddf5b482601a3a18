"""Call every public function with arguments that are wrong, odd, or inconsistent.

``python hostile.py CALLS [SEED]`` makes that many calls and prints their outcomes. Only documented
exceptions may be raised, no memory may stay allocated, and the process must survive. A failure
prints its seed, which repeats it.
"""

import collections
import gc
import itertools
import json
import random
import sys
import traceback

import ml_dtypes
import numpy as np

import zerofill
from zerofill import initializers

BIG = [2**45, 2**62, 2**63 - 1, 2**63, 2**64, 2**200, -1, -(2**63), -(2**70)]
# The documented exceptions. Boom is raised by the arguments themselves.
EXPECTED = (TypeError, ValueError, MemoryError, OverflowError, BufferError, AttributeError)


class Boom(Exception):  # noqa: N818
    """Raised by hostile objects."""


class Index:
    """Has an `__index__` that raises, lies, or returns something else each time."""

    def __init__(self, answers):
        self.answers = itertools.cycle(answers)

    def __index__(self):
        answer = next(self.answers)
        if answer is Boom:
            raise Boom
        return answer


class Sequence:
    """A shape whose length and items contradict each other."""

    def __init__(self, length, items):
        self.length, self.items = length, items

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.items[index]

    def as_list(self):
        return self.items


class Attributes:
    """Has the attributes that it is given; one that is an exception is raised."""

    def __init__(self, **attributes):
        self.__dict__["given"] = attributes

    def __getattr__(self, name):
        given = self.__dict__["given"].get(name, AttributeError(name))
        if isinstance(given, BaseException):
            raise given
        return given


class Growing(list):
    """A list that reading an item changes."""


def shrink_other(items):
    def answer():
        items.clear()
        return 3

    return type("Shrinker", (), {"__index__": lambda self: answer()})()


class LyingArray(np.ndarray):
    """A subclass whose methods lie or raise."""

    def __array_finalize__(self, source):
        if source is not None and source.size % 3 == 1:
            raise Boom

    @property
    def shape(self):
        return (10**6,)

    def __len__(self):
        return -5


class Hostile:
    """Draws random arguments."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def one_of(self, *makers):
        return self.chance.choice(makers)()

    def number(self):
        c = self.chance
        return c.choice(
            [
                *(0, 1, 2, 3, 7, 100, True, np.int8(3), np.uint64(2), 1.0, 2.5, float("nan"), 1j),
                *(None, "3", b"3", np.array(3), np.array([3]), np.float32(2), Index([2])),
                *(Index([Boom]), Index([-1, 2]), Index(["x"]), Index([2**70]), Index([1, Boom])),
                *(c.choice(BIG), object(), [], (), {}, Ellipsis, slice(3)),
            ]
        )

    def shape(self):
        c = self.chance
        listed = [self.number() for _ in range(c.choice([0, 1, 2, 3, 3, 33, 70]))]
        own = Growing([1, 2, 3])
        own[1] = shrink_other(own)
        return c.choice(
            [
                self.number(),
                tuple(listed),
                listed,
                np.array([2, 3]),
                np.array([2.5]),
                np.array([[1, 2]]),
                range(3),
                iter([1, 2]),
                Sequence(c.choice([0, 2, 10**9, -1]), listed[:3]),
                own,
                "33",
                b"\x01\x02",
                {1: 2},
                {2, 3},
                Attributes(as_list=lambda: listed),
                Attributes(as_list=lambda: 1 / 0 if c.random() < 0.1 else None),
                Attributes(as_list=Boom()),
                memoryview(b"abc"),
                (c.choice([0, 2, 5]), c.choice([0, 3])),
            ]
        )

    def dtype(self):
        c = self.chance
        names = "f4 float half bfloat16 int4 qint8 string resource U S V0 M8[ns] m8[25s] ?".split()
        return c.choice(
            [
                c.choice(names),
                c.choice(names) + c.choice(["_ref", "", ",", "[", "\x00", "\ud800", " " * 50]),
                None,
                float,
                int,
                object,
                str,
                c.choice([np.float32, np.void, np.str_, np.generic, ml_dtypes.int4]),
                np.dtype(c.choice(["f4", ">i2", "S0", "U0", "V7", "O", "M8"])),
                np.dtypes.StringDType(),
                ("f4", (2, c.choice([0, 3]))),
                ("f4", (2**20, 2**20)),
                [("a", "f4"), ("b", "O")],
                [("a", "f4"), ("a", "f4")],
                {"names": ["a"], "formats": ["i4"], "offsets": [c.choice([0, 4, 2**30])]},
                {"names": ["a", "b"], "formats": ["i4", "O"], "offsets": [0, 1]},
                self.number(),
                Attributes(name=c.choice(names)),
                Attributes(name=Boom()),
                Attributes(dtype=Boom()),
                Attributes(dtype=self.number()),
                Attributes(dtype="f4", name=3),
                type("X", (), {"dtype": property(lambda self: self.dtype)})(),
                ml_dtypes.float8_e8m0fnu,
                type("Y", (str,), {"__eq__": lambda self, other: 1 / 0, "__hash__": str.__hash__})(
                    "f4"
                ),
            ]
        )

    def option(self, right):
        return self.chance.choice([*right, *right, self.number(), self.dtype(), "x" * 10000])

    def keywords(self):
        drawn = {
            "order": lambda: self.option(["C", "F", "A", "K", None, b"C"]),
            "alignment": lambda: self.option([1, 64, 4096, 3, 0, 2**20, 2**31, -64]),
            "commit": lambda: self.option(["eager", "lazy", "background", "EAGER"]),
            "device": lambda: self.option([None, "cpu", "cuda"]),
            "like": lambda: self.option([None, np.ones(2)]),
            "subok": lambda: self.option([True, False]),
            "shape": self.shape,
            "dtype": self.dtype,
            "nope": self.number,
        }
        names = self.chance.sample(sorted(drawn), self.chance.choice([0, 0, 1, 2, 3]))
        return {name: drawn[name]() for name in names}

    def array(self):
        c = self.chance
        base = np.ones(c.choice([0, 1, 24, 600]), c.choice(["u1", "f4", "O", "M8[s]", "U3"]))
        return c.choice(
            [
                base,
                base[:: c.choice([1, 2, -1, -3])],
                np.lib.stride_tricks.as_strided(base, (3, 3), (0, 0)) if base.size else base,
                np.broadcast_to(base, (2, base.size)),
                base.reshape(-1, 1).T,
                np.ones((4, 5, 6))[::2, ::-1, 1:4],
                np.ones(3, [("a", "u1"), ("o", object)]),
                np.ma.masked_array([1, 2, 3], [0, 1, 0]),
                np.array(3),
                np.ones(c.choice([3, 4])).view(LyingArray),
                bytearray(b"abc"),
                b"abc",
                memoryview(bytearray(24)).cast("I")[::-1],
                memoryview(b"abc"),
                memoryview(bytearray(6)).cast("B", (2, 3)),
                zerofill.Buffer(c.choice([0, 3, 300])),
                self.interface(),
                self.capsule(),
                self.number(),
                [1, 2],
                zerofill,
                np.float32,
            ]
        )

    def interface(self):
        """Lie about everything but the address, and never claim objects: NumPy would crash."""
        c = self.chance
        memory = np.ones(64, "u1")
        said = {
            "version": c.choice([3, 3, 3, 2, "3", None, 10**30]),
            "shape": c.choice([(4,), (2, 2), [4], (-1,), (2**62, 4), ("x",), None, (0, 2**70), 4]),
            "typestr": c.choice(["|u1", "<f4", ">i2", "|V4", "f4", "", 3, None, "<f1000000"]),
            "data": c.choice(
                [(memory.ctypes.data, False)] * 3
                + [(memory.ctypes.data, True), (None, False), ("x", 1), 5, None, (), (1, 2, 3)]
                + [(memory.ctypes.data, Index([Boom])), memory]
            ),
            "strides": c.choice([None, None, (1,), (4,), (1, 2), ("x",), 7, (2**63,)]),
        }
        for name in c.sample(sorted(said), c.choice([0, 0, 0, 1])):
            del said[name]
        if isinstance(said.get("shape"), tuple) and said.get("strides") is not None:
            said["strides"] = (0,) * len(said["shape"])
        return Attributes(
            __array_interface__=c.choice([said, said, said, None, 3, [], Boom(), {1: 2}]),
            memory=memory,
        )

    def capsule(self):
        c = self.chance
        memory = np.ones(8, "f4")
        once = memory.__dlpack__()
        methods = {
            "fresh": lambda **given: memory.__dlpack__(**given),
            "used twice": lambda **given: once,
            "raises": lambda **given: (_ for _ in ()).throw(Boom()),
            "none": lambda **given: None,
            "number": lambda **given: 3,
            "no keywords": lambda: memory.__dlpack__(),
            "other capsule": lambda **given: np._core._multiarray_umath._ARRAY_API,
        }
        device = c.choice(
            [(1, 0), (1, 0), (2, 0), (1, 5), None, (), "cpu", (1,), Boom(), (2**70, 0)]
        )
        namespace = {
            "__dlpack__": staticmethod(methods[c.choice(list(methods))]),
            "__dlpack_device__": (lambda self: (_ for _ in ()).throw(device))
            if isinstance(device, Boom)
            else (lambda self: device),
        }
        if c.random() < 0.2:
            del namespace[c.choice(list(namespace))]
        return type("Foreign", (), namespace)()

    def config(self):
        c = self.chance
        names = ["dtype", "order", "alignment", "commit", "class_name", "config", "module", "x", 3]
        made = {c.choice(names): self.chance.choice([self.dtype(), self.number(), "Zeros", {}])}
        if c.random() < 0.5:
            made.update({c.choice(names): c.choice(["zeros", "os.system", "float16", 64, made])})
        return c.choice(
            [
                *(made, {"class_name": "Zeros", "config": made}, json.dumps(["f4"]), []),
                *("zeros", "Zeros", "os.system", "__import__", "zerofill.clear"),
                {"class_name": c.choice(["Zeros", "eval", 3]), "config": self.number()},
                *(initializers.Zeros, self.number()),
            ]
        )

    def initializer(self):
        return zerofill.Zeros(self.dtype(), **self.keywords())

    def call(self):
        made = self.one_of(
            lambda: (zerofill.zeros, (self.shape(), self.dtype()), self.keywords()),
            lambda: (zerofill.zeros, (self.shape(),), self.keywords()),
            lambda: (zerofill.zeros_like, (self.array(),), self.keywords()),
            lambda: (zerofill.clear, (self.array(),), {}),
            lambda: (zerofill.clear, (self.array(),), {}),
            lambda: (zerofill.Buffer, (self.number(),), self.keywords()),
            lambda: (zerofill.Zeros, (self.dtype(),), self.keywords()),
            lambda: (VALID, (self.shape(), self.dtype(), self.number()), self.keywords()),
            lambda: (VALID, (self.shape(),), {"partition_shape": self.shape()}),
            lambda: (zerofill.Zeros.from_config, (self.config(),), {}),
            lambda: (initializers.deserialize, (self.config(),), {}),
            lambda: (initializers.get, (self.config(),), {}),
            lambda: (initializers.serialize, (self.one_of(self.config, self.dtype),), {}),
            lambda: (zerofill.configure, (), {self.chance.choice(OPTIONS): self.number()}),
            lambda: (zerofill.stats, (self.number(),) * self.chance.choice([0, 1]), {}),
        )
        return made


VALID = zerofill.Zeros("half")
OPTIONS = ["num_threads", "pool_limit", "decay", "scrub", "audit", "nope"]


def main(calls: int, seed: int) -> int:
    """Make the calls; return the exit code."""
    outcomes: collections.Counter = collections.Counter()
    before = zerofill.configure()
    for number in range(seed, seed + calls):
        hostile = Hostile(number)
        try:
            function, args, kwargs = hostile.call()
        except Exception:  # an argument could not be created
            outcomes["no call"] += 1
            continue
        try:
            function(*args, **kwargs)
            outcomes["returned"] += 1
        except (*EXPECTED, Boom, ZeroDivisionError, RecursionError) as error:
            outcomes[type(error).__name__] += 1
        except BaseException:
            traceback.print_exc()
            print(f"seed {number}", file=sys.stderr)
            return 1
        finally:
            function = args = kwargs = None
            zerofill.configure(**before._asdict())
        if zerofill.stats().live_blocks:
            gc.collect()  # an argument may be part of a cycle, with an exception for example
        alive = zerofill.stats().live_blocks
        if alive:
            print(f"seed {number}: {alive} blocks stay alive", file=sys.stderr)
            return 1
    print(json.dumps(outcomes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
