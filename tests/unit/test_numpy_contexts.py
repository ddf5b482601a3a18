"""Which code NumPy's memory handler applies to: contexts, threads, tasks, others' handlers."""

import asyncio
import contextvars
import ctypes
import functools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy._core.multiarray import get_handler_name

import zerofill
from zerofill import _zerofill, numpy_allocator

pytestmark = [pytest.mark.own_memory, pytest.mark.thread_unsafe]


@pytest.fixture
def other_handler():
    """Return a handler that is neither NumPy's nor zerofill's, but works like NumPy's."""
    new, get_pointer = ctypes.pythonapi.PyCapsule_New, ctypes.pythonapi.PyCapsule_GetPointer
    new.restype, get_pointer.restype = ctypes.py_object, ctypes.c_void_p
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    get_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    numpys = get_pointer(_zerofill.get_numpy_handler(), b"mem_handler")
    return new(numpys, b"mem_handler", None)


def current_handler():
    return get_handler_name()


def test_contexts_nest_and_end_with_an_exception():
    with numpy_allocator():
        with pytest.raises(KeyError), numpy_allocator():
            raise KeyError
        assert current_handler() == "zerofill"
    assert current_handler() == "default_allocator"


def test_installing_twice_and_uninstalling_twice():
    zerofill.install()
    zerofill.install()
    assert current_handler() == "zerofill"
    zerofill.uninstall()
    assert current_handler() == "default_allocator"
    zerofill.uninstall()
    assert current_handler() == "default_allocator"


def test_uninstalling_undoes_only_what_installing_did():
    with numpy_allocator():
        zerofill.uninstall()
        assert current_handler() == "zerofill"
        zerofill.install()
        zerofill.uninstall()
        assert current_handler() == "zerofill"
    assert current_handler() == "default_allocator"


def test_anothers_handler_comes_back_after_ours(other_handler):
    numpys = _zerofill.set_numpy_handler(other_handler)
    try:
        zerofill.install()
        assert current_handler() == "zerofill"
        zerofill.uninstall()
        assert _zerofill.get_numpy_handler() is other_handler
        with numpy_allocator():
            assert current_handler() == "zerofill"
        assert _zerofill.get_numpy_handler() is other_handler
    finally:
        _zerofill.set_numpy_handler(numpys)


def test_anothers_handler_over_ours_stays(other_handler):
    with numpy_allocator():
        numpys = _zerofill.set_numpy_handler(other_handler)
    assert _zerofill.get_numpy_handler() is other_handler
    zerofill.uninstall()
    assert _zerofill.get_numpy_handler() is other_handler
    assert numpys is _zerofill.numpy_handler(64)
    _zerofill.set_numpy_handler(None)
    assert current_handler() == "default_allocator"


def test_threads_choose_for_themselves(installed):
    names = {}

    def note(key):
        names[key] = get_handler_name(np.ones(100))

    plain = threading.Thread(target=note, args=("plain",))
    decorated = threading.Thread(target=numpy_allocator()(note), args=("decorated",))
    context = contextvars.copy_context()
    copied = threading.Thread(target=context.run, args=(note, "copied"))
    for thread in (plain, decorated, copied):
        thread.start()
        thread.join()
    with ThreadPoolExecutor(2, initializer=zerofill.install) as executor:
        executor.submit(note, "executor").result()
    inherits = getattr(sys.flags, "thread_inherit_context", 0)
    assert names == {
        "plain": "zerofill" if inherits else "default_allocator",
        "decorated": "zerofill",
        "copied": "zerofill",
        "executor": "zerofill",
    }


def test_tasks_start_with_what_was_chosen():
    async def note():
        return current_handler()

    async def note_in_threads():
        in_executor = asyncio.get_running_loop().run_in_executor(None, current_handler)
        return await asyncio.to_thread(current_handler), await in_executor

    async def install_in_a_task():
        zerofill.install()
        return current_handler()

    async def main():
        before = await asyncio.create_task(note())
        inner = await asyncio.create_task(install_in_a_task())
        after_inner = await asyncio.create_task(note())
        with numpy_allocator():
            within = await asyncio.create_task(note())
            threads = await note_in_threads()
        return before, inner, after_inner, within, threads, current_handler()

    ours, numpys = "zerofill", "default_allocator"
    inherits = getattr(sys.flags, "thread_inherit_context", 0)
    threads = (ours, ours if inherits else numpys)
    assert asyncio.run(main()) == (numpys, ours, numpys, ours, threads, numpys)


def test_a_handler_that_is_chosen_while_an_array_of_objects_is_made_stays(other_handler):
    class Choosing(np.ndarray):
        def __array_finalize__(self, source):
            _zerofill.set_numpy_handler(other_handler)

    prototype = contextvars.copy_context().run(np.zeros(3, object).view, Choosing)

    def handler_afterwards():
        zerofill.zeros_like(prototype)
        return _zerofill.get_numpy_handler()

    assert contextvars.copy_context().run(handler_afterwards) is other_handler


async def coroutine():
    pass


def generator():
    yield


async def asynchronous_generator():
    yield


class AsynchronousCall:
    async def __call__(self):
        pass


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (coroutine, "a coroutine function"),
        (functools.partial(coroutine), "a coroutine function"),
        (AsynchronousCall(), "a coroutine function"),
        (generator, "a generator function"),
        (asynchronous_generator, "a generator function"),
    ],
    ids=["coroutine", "partial", "object", "generator", "asynchronous generator"],
)
def test_a_function_that_suspends_is_not_decorated(function, kind):
    with pytest.raises(TypeError, match=f"cannot decorate .*{kind}.*with zerofill"):
        numpy_allocator()(function)


def test_one_manager_may_be_used_again_and_within_itself():
    manager = numpy_allocator()
    before = _zerofill.get_numpy_handler()
    with manager, manager:
        assert get_handler_name(np.ones(3)) == "zerofill"
    assert _zerofill.get_numpy_handler() is before
    with manager:
        assert get_handler_name(np.ones(3)) == "zerofill"
    assert _zerofill.get_numpy_handler() is before


def test_threads_may_share_one_manager():
    manager, entered, left = numpy_allocator(), threading.Event(), threading.Event()

    def other():
        with numpy_allocator(alignment=4096):
            with manager:
                entered.set()
                assert left.wait(60)
            return np.ones(3).ctypes.data % 4096

    with ThreadPoolExecutor(1) as executor:
        with manager:
            future = executor.submit(other)
            assert entered.wait(60)
        left.set()
        assert current_handler() == "default_allocator"
        assert future.result() == 0


# Every thread ------------------------------------------------------------------------------------


@pytest.fixture
def in_every_thread():
    zerofill.install(threads=True)
    yield
    zerofill.uninstall()


def test_every_thread_and_every_context(in_every_thread):
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(current_handler).result() == "zerofill"
    assert contextvars.Context().run(current_handler) == "zerofill"
    assert asyncio.run(asyncio.to_thread(current_handler)) == "zerofill"
    assert zerofill.is_installed()


def test_threads_that_run_already():
    # Free-threaded Python 3.14 gives a thread a copy of its starter's context.
    contextvars.Context().run(check_a_thread_that_runs_already)


def check_a_thread_that_runs_already():
    with ThreadPoolExecutor(1) as executor:
        assert executor.submit(current_handler).result() == "default_allocator"
        zerofill.install(threads=True)
        assert executor.submit(current_handler).result() == "zerofill"
        zerofill.uninstall()
        assert executor.submit(current_handler).result() == "default_allocator"
    assert current_handler() == "default_allocator"


def test_a_context_with_a_handler_of_its_own_keeps_it(in_every_thread, other_handler):
    def with_its_own():
        _zerofill.set_numpy_handler(other_handler)
        zerofill.install(threads=True, alignment=4096)
        return _zerofill.get_numpy_handler()

    assert contextvars.Context().run(with_its_own) is _zerofill.numpy_handler(4096)
    context = contextvars.Context()
    context.run(_zerofill.set_numpy_handler, other_handler)
    zerofill.install(threads=True)
    assert context.run(_zerofill.get_numpy_handler) is other_handler


def test_scopes_leave_no_handler_behind():
    """What had a handler for a while follows the default again, with objects' arrays too."""
    context = contextvars.Context()

    def use():
        with numpy_allocator(alignment=4096):
            zerofill.zeros(3, object)
        zerofill.zeros(3, object)
        zerofill.install()
        zerofill.uninstall()

    context.run(use)
    zerofill.install(threads=True)
    assert context.run(current_handler) == "zerofill"
    context.run(use)
    zerofill.uninstall()
    assert context.run(current_handler) == "default_allocator"


def test_installing_for_this_context_and_for_every_thread():
    zerofill.install()
    zerofill.install(threads=True)
    zerofill.install()
    zerofill.uninstall()
    assert current_handler() == "default_allocator"
    assert not zerofill.is_installed()


def test_a_statement_that_ends_in_a_copy_of_its_context():
    manager = numpy_allocator()
    contextvars.copy_context().run(manager.__enter__)
    with numpy_allocator():
        manager.__exit__(None, None, None)
        assert current_handler() == "default_allocator"
    assert current_handler() == "default_allocator"


def test_threads_that_start_and_end_while_the_default_changes():
    stop = threading.Event()

    def allocate():
        while not stop.is_set():
            assert get_handler_name(np.ones(1000)) in ("zerofill", "default_allocator")

    with ThreadPoolExecutor(4) as executor:
        futures = [executor.submit(allocate) for _ in range(4)]
        for _ in range(200):
            zerofill.install(threads=True)
            zerofill.uninstall()
        stop.set()
        for future in futures:
            future.result()


@pytest.mark.parametrize("value", [1, None, "yes"])
def test_threads_is_true_or_false(value):
    with pytest.raises(TypeError, match="threads must be True or False, got"):
        zerofill.install(threads=value)


# Alignment ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("alignment", [64, 512, 4096, 1 << 21])
def test_arrays_are_aligned(alignment):
    with numpy_allocator(alignment=alignment):
        for size in (1, 10, 1000, 100_000, 1_000_000):
            for array in (np.zeros(size), np.ones(size) + 1, np.arange(size).astype("f4")):
                assert array.ctypes.data % alignment == 0


def test_ten_thousand_random_shapes_are_aligned():
    random = np.random.default_rng(4096)
    misaligned = 0
    kept = [None] * 50  # some stay, so that memory is cut up
    for _ in range(10_000):
        alignment = 1 << int(random.integers(6, 22))
        largest = 1 << int(random.integers(1, 24))
        shape = tuple(random.integers(1, 2 + int(largest ** (1 / 3)), 3))
        dtype = random.choice(["u1", "f2", "f4", "f8", "c16", "U3", "S7"])
        make = (np.empty, np.zeros, np.ones)[random.integers(3)]
        with numpy_allocator(alignment=alignment):
            array = make(shape, dtype)
        misaligned += array.ctypes.data % alignment != 0
        kept[random.integers(50)] = array
    assert misaligned == 0


def test_statements_with_several_alignments_nest():
    with numpy_allocator(alignment=4096):
        with numpy_allocator():
            with numpy_allocator(alignment=1 << 20):
                assert np.ones(3).ctypes.data % (1 << 20) == 0
            assert _zerofill.numpy_handler_alignment(_zerofill.get_numpy_handler()) == 64
        assert np.ones(3).ctypes.data % 4096 == 0
    assert current_handler() == "default_allocator"


def test_installing_with_another_alignment():
    zerofill.install()
    zerofill.install(alignment=4096)
    assert np.ones(3).ctypes.data % 4096 == 0
    zerofill.uninstall()
    assert current_handler() == "default_allocator"


@pytest.mark.parametrize(
    ("alignment", "error"),
    [(0, ValueError), (3, ValueError), (1 << 31, ValueError), (-64, ValueError), ("64", TypeError)],
)
@pytest.mark.parametrize("call", [numpy_allocator, zerofill.install])
def test_wrong_alignments_are_named(call, alignment, error):
    with pytest.raises(error, match=f"alignment must be a power of two .*{alignment!r}"):
        call(alignment=alignment)
    assert current_handler() == "default_allocator"
