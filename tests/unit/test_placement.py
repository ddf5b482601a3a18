"""Where memory is put among NUMA nodes, as it is asked for on any machine.

Where it then lies is for tests/platforms/test_nodes.py, on a machine with two nodes.
"""

import numpy as np
import pytest

import zerofill
from zerofill import _zerofill
from zerofill.cli import main

NODES = _zerofill.system_info()["nodes"]

CALLS = {
    "zeros": lambda **options: zerofill.zeros(1000, **options),
    "large": lambda **options: zerofill.zeros(1_000_000, **options),
    "lazy": lambda **options: zerofill.zeros(1_000_000, commit="lazy", **options),
    "zeros_like": lambda **options: zerofill.zeros_like(np.ones(1000), **options),
    "Buffer": lambda **options: memoryview(zerofill.Buffer(1000, **options)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("placement", [None, "caller", "interleave", NODES[0], np.int8(NODES[0])])
def test_every_placement_gives_zeros(call, placement):
    assert not np.asarray(call(placement=placement)).any()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("wrong", ["Caller", "0", "", 63, 64, -1, -3, 2**70])
def test_a_wrong_value_is_named(call, wrong):
    with pytest.raises(ValueError, match="placement must be") as caught:
        call(placement=wrong)
    assert str(caught.value).endswith(f"got {wrong!r}")
    assert f"of {NODES}" in str(caught.value)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("wrong", [0.0, (0,), b"caller", ...])
def test_a_wrong_type_is_named(call, wrong):
    with pytest.raises(TypeError, match="placement must be"):
        call(placement=wrong)


@pytest.mark.parametrize("wrong", [True, False])
def test_a_truth_value_is_no_number(wrong):
    with pytest.raises((TypeError, ValueError), match="placement must be"):
        zerofill.zeros(3, placement=wrong)


def test_an_objects_own_error_is_raised():
    class Broken:
        def __index__(self):
            raise LookupError("of its own")

    with pytest.raises(LookupError, match="of its own"):
        zerofill.zeros(3, placement=Broken())


@pytest.mark.thread_unsafe(reason="changes an option of the process")
@pytest.mark.parametrize("value", ["caller", "interleave", NODES[0]])
def test_the_option_is_put_back(value):
    with zerofill.configure(placement="interleave"):
        with zerofill.configure(placement=value) as options:
            assert options.placement == value
            assert not zerofill.zeros(1_000_000).any()
        assert zerofill.configure().placement == "interleave"
    assert zerofill.configure().placement == "caller"


def test_info_names_the_nodes(capsys):
    assert main(["info"]) == 0
    (line,) = [text for text in capsys.readouterr().out.splitlines() if "NUMA nodes" in text]
    assert line.split()[2] == str(len(NODES))
