"""Many threads at once, frees from other threads, and a free GIL during large fills."""

import queue
import threading
import time

import numpy as np
import pytest

import zerofill

MIB = 1 << 20


def run_threads(count, target):
    errors = []

    def guarded(index):
        try:
            target(index)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_many_threads_make_use_and_free():
    def work(index):
        sizes = (9, 1000, 70_000, 300_000, 3 * MIB)
        for step in range(60):
            array = zerofill.zeros(sizes[(index + step) % len(sizes)], "u1")
            assert not array.any()
            array.fill(index + 1)
            assert array[0] == array[-1] == index + 1

    run_threads(8, work)


def test_arrays_are_freed_by_other_threads_than_created_them():
    handed = queue.Queue(maxsize=8)

    def work(index):
        for _ in range(200):
            if index % 2:
                array = handed.get(timeout=60)
                assert not array.any()
                array.fill(7)
            else:
                handed.put(zerofill.zeros(index * 100_000 + 10, "u1"), timeout=60)

    run_threads(8, work)


def test_arrays_outlive_their_threads():
    """Invariant 2: 32 threads create arrays and end; each array keeps the bytes written to it."""
    for _ in range(50):
        left = [None] * 32

        def work(index, left=left):
            size = (9, 5000, 300_000, 3 * MIB)[index % 4]
            commit = "lazy" if index % 8 >= 4 else "eager"
            array = zerofill.zeros(size, "u1", commit=commit)
            assert not array.any()
            array.fill(index + 1)
            left[index] = array

        run_threads(32, work)
        for index, array in enumerate(left):
            assert (array == index + 1).all()


def test_parallel_clears():
    arrays = [np.full(5 * MIB, 7, "u1") for _ in range(4)]
    run_threads(4, lambda index: [zerofill.clear(arrays[index]) for _ in range(20)])
    assert not any(array.any() for array in arrays)


@pytest.mark.own_memory
def test_the_gil_is_free_while_a_large_array_is_made():
    """Another thread keeps counting while pages are made resident."""
    progress = []
    done = threading.Event()

    def count():
        while not done.is_set():
            progress.append(1)
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        before = len(progress)
        for _ in range(4):
            zerofill.zeros(256 * MIB, "u1")
        assert len(progress) > before
    finally:
        done.set()
        thread.join()
