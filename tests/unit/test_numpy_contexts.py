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
    assert numpys is _zerofill.numpy_handler
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
