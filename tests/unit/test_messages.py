"""Errors that are not NumPy's name the argument, what was given, and what would be right."""

import pytest

import zerofill
from zerofill import Zeros, initializers
from zerofill.cli import main

INTEGER = "must be an integer"
POWER = "must be a power of two from 1 to 2**30"
BYTES = "must be an integer, a number of bytes from 0 to 2**63 - 1, a size such as '2GiB', or None"
SECONDS = "must be a finite number of seconds, 0 or more"
DTYPE = "must be a data type such as 'float32'"
CALL = "a shape is one argument of the initializer's call, as in Zeros('float32')((2, 3))"
OPTIONS = "it takes dtype, order, alignment, commit and shared"

# A call, the argument, the value as the message shows it, and what would be right.
ERRORS = [
    (lambda: Zeros((2, 3)), "dtype", "(2, 3)", CALL),
    (lambda: Zeros([2, 3]), "dtype", "[2, 3]", CALL),
    (lambda: Zeros(3), "dtype", "3", CALL),
    (lambda: Zeros()(2, 3), "dtype", "3", CALL),
    (lambda: Zeros(shape=(2, 3)), "'shape'", "keyword", CALL),
    (lambda: Zeros(shape=(2, 3)), "'shape'", "keyword", OPTIONS),
    (lambda: Zeros(dtpye="f4"), "'dtpye'", "keyword", OPTIONS),
    (lambda: Zeros("nope"), "dtype", "'nope'", DTYPE),
    (lambda: Zeros(None), "dtype", "None", DTYPE),
    (lambda: Zeros(order="A"), "order", "'A'", '"C" or "F"'),
    (lambda: Zeros(order=1), "order", "1", '"C" or "F"'),
    (lambda: Zeros(alignment="64"), "alignment", "'64'", POWER),
    (lambda: Zeros(alignment=3), "alignment", "3", POWER),
    (lambda: zerofill.zeros(2, alignment=64.0), "alignment", "64.0", POWER),
    (lambda: zerofill.zeros_like([1], alignment=None), "alignment", "None", POWER),
    (lambda: zerofill.zeros(2, commit="now"), "commit", "'now'", '"lazy" or "background"'),
    (lambda: zerofill.Buffer("1GiB"), "nbytes", "'1GiB'", INTEGER),
    (lambda: zerofill.Buffer(1.5), "nbytes", "1.5", INTEGER),
    (lambda: zerofill.Buffer(-1), "nbytes", "-1", "must be from 0 to 2**63 - 1"),
    (lambda: zerofill.Buffer(2**64), "nbytes", "18446744073709551616", "from 0 to 2**63 - 1"),
    (lambda: zerofill.Buffer(1, alignment="64"), "alignment", "'64'", POWER),
    (lambda: zerofill.configure(pool_limit="1 GG"), "pool_limit", "'1 GG'", BYTES),
    (lambda: zerofill.configure(pool_limit=1e9), "pool_limit", "1000000000.0", BYTES),
    (lambda: zerofill.configure(pool_limit=-1), "pool_limit", "-1", BYTES),
    (lambda: zerofill.configure(num_threads="2"), "num_threads", "'2'", "from 1 to 256, or None"),
    (lambda: zerofill.configure(num_threads=2.0), "num_threads", "2.0", INTEGER),
    (lambda: zerofill.configure(decay="5"), "decay", "'5'", SECONDS),
    (lambda: zerofill.configure(decay=None), "decay", "None", SECONDS),
    (lambda: zerofill.configure(decay=[1]), "decay", "[1]", SECONDS),
    (lambda: zerofill.configure(decay=10**400), "decay", "1" + "0" * 400, SECONDS),
    (lambda: zerofill.configure(scrub="yes"), "scrub", "'yes'", "'auto', 'on', 'off'"),
    (lambda: zerofill.configure(audit=1), "audit", "1", "True or False"),
    (lambda: zerofill.configure(huge_pages="on"), "huge_pages", "'on'", "'auto' or 'off'"),
    (lambda: zerofill.configure(poollimit=1), "'poollimit'", "keyword", "num_threads, pool_limit,"),
    (lambda: Zeros.from_config([1]), "config", "[1]", "a dict as get_config() returns it"),
    (lambda: Zeros.from_config({"dtyp": 1}), "config", "'dtyp'", "'dtype', 'order'"),
    (lambda: Zeros.from_config({"dtype": {"names": []}}), "dtype", "{'names'", "lacks 'offsets'"),
    (lambda: initializers.get("ones"), "initializer", "'ones'", "['Zeros', 'zero', 'zeros']"),
    (lambda: initializers.serialize(3), "Initializer", "3", "only an Initializer"),
    (lambda: initializers.deserialize(3), "config", "3", "must be a dict"),
    (lambda: zerofill.numpy_allocator()(3), "numpy_allocator()", "3", "functions"),
]


@pytest.mark.parametrize(("call", "argument", "given", "right"), ERRORS)
def test_an_error_names_the_argument_the_value_and_what_is_right(call, argument, given, right):
    with pytest.raises((TypeError, ValueError, OverflowError)) as raised:
        call()
    message = str(raised.value)
    assert argument in message
    assert given in message
    assert right in message


def test_an_index_that_raises_keeps_its_own_error():
    class Index:
        def __index__(self):
            raise TypeError("not today")

        __float__ = __index__

    for call in (
        lambda: zerofill.Buffer(Index()),
        lambda: zerofill.zeros(1, alignment=Index()),
        lambda: zerofill.configure(pool_limit=Index()),
        lambda: zerofill.configure(decay=Index()),
    ):
        with pytest.raises(TypeError, match=r"^not today$"):
            call()


def test_the_command_line_names_a_wrong_size(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "--max-size", "many"])
    message = capsys.readouterr().err
    assert "--max-size: 'many' is not a size such as 4096, 64MiB or 1GiB" in message
