"""The comparison with NumPy: what it verifies, and the order in which it times."""

import contextlib

import pytest

from zerofill import benchmark

pytestmark = pytest.mark.thread_unsafe


def test_a_wrong_array_is_not_passed_over(monkeypatch):
    class Wrong(benchmark.Zeros):
        def __call__(self, shape):
            array = super().__call__(shape)
            array.reshape(-1)[-1] = 1
            return array

    monkeypatch.setattr(benchmark, "Zeros", Wrong)
    with pytest.raises(AssertionError, match="wrong array of 1 KiB"):
        list(benchmark.measure(benchmark.CASES[1:2]))


@pytest.mark.parametrize(
    ("nbytes", "offset", "right"), [(64, 0, True), (63, 0, True), (64, 1, False), (63, 63, False)]
)
def test_the_check_sees_every_byte(nbytes, offset, right):
    array = benchmark.Zeros("uint8")(nbytes)
    if not right:
        array[offset - 1] = 1
    assert benchmark.is_zeroed_and_aligned(array) is right


def test_the_check_sees_the_address():
    assert benchmark.is_zeroed_and_aligned(benchmark.Zeros("uint8")(100)[1:]) is False


def test_functions_are_timed_in_turn_each_after_its_warm_up():
    log = []
    readings = benchmark.time_interleaved(
        {"a": lambda: log.append("a"), "b": lambda: log.append("b")},
        rounds=2,
        iterations=2,
        warmup_iterations=1,
    )
    assert "".join(log) == "aaabbbaaabbb"
    assert [len(readings[name]) for name in ("a", "b")] == [2, 2]


def test_a_function_runs_in_its_context():
    log = []

    @contextlib.contextmanager
    def context():
        log.append("enter")
        yield
        log.append("leave")

    functions = dict.fromkeys(["inside", "outside"], lambda: log.append("call"))
    benchmark.time_interleaved(functions, rounds=1, contexts={"inside": context})
    assert log == ["enter", "call", "leave", "call"]


def test_medians():
    assert benchmark.medians({"a": [3.0, 1.0, 9.0], "b": [2.0]}) == {"a": 3.0, "b": 2.0}
