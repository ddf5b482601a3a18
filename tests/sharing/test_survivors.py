"""Shared memory in the long run: killed processes, random views, and no drift."""

import gc
import multiprocessing
import os
import pathlib
import random
import signal
import sys
import time

import numpy as np
import pytest
from sharing_workers import descriptors, mapped

import zerofill

MIB = 1 << 20

pytestmark = [
    pytest.mark.thread_unsafe(reason="starts processes, counts descriptors"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

FORK = multiprocessing.get_context("fork") if sys.platform == "linux" else None


@pytest.fixture(autouse=True)
def short_decay():
    """Messages that nobody can receive are given up soon."""
    with zerofill.configure(decay=0.01):
        yield
    zerofill.trim()


def shared_bytes():
    """Return the machine's shared memory, in bytes."""
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Shmem:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no Shmem")


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        zerofill.trim()
        time.sleep(0.002)


def peer(connection, others, seed):
    """Send arrays, receive arrays, keep some and drop some, until the end or the kill."""
    others.close()  # or nobody would see that the other one has ended
    chance = random.Random(seed)
    kept = []
    try:
        while True:
            if chance.random() < 0.6 or not connection.poll(0):
                array = zerofill.zeros(chance.choice([10, 5000, MIB, 4 * MIB]), "u1", shared=True)
                array[...] = 1
                connection.send(array[chance.randrange(3) :])
            else:
                received = connection.recv()
                assert received.all()
                kept.append(received)
                received = None
            if len(kept) > 5:
                kept.pop(chance.randrange(len(kept)))
            if connection.poll(0) is False and chance.random() < 0.1:
                time.sleep(0.001)
    except (EOFError, ConnectionError, RuntimeError):
        os._exit(0)  # the other one was killed: a plain exit waits for it


def run_pair(seed):
    """Have two children exchange arrays; kill one at a random moment: the other one ends."""
    one, other = FORK.Pipe()
    ends = [(one, other), (other, one)]
    pair = [FORK.Process(target=peer, args=(*ends[i], seed + i)) for i in range(2)]
    for process in pair:
        process.start()
    one.close()
    other.close()
    time.sleep(random.Random(seed).random() * 0.05)
    os.kill(pair[seed % 2].pid, signal.SIGKILL)
    for process in pair:
        process.join(60)
    assert pair[seed % 2].exitcode == -signal.SIGKILL
    assert pair[1 - seed % 2].exitcode == 0


def test_nothing_is_left_of_killed_processes(count):
    run_pair(0)
    files, before = descriptors(), shared_bytes()
    for seed in range(1, count(25, 250)):
        run_pair(seed)
    until(lambda: descriptors() <= files)
    until(lambda: shared_bytes() < before + 4 * MIB)


def echo(connection):
    while True:
        connection.send(connection.recv())


def test_nothing_is_left_in_the_survivor(count):
    zerofill.trim()
    gc.collect()
    files = descriptors()
    for seed in range(count(25, 250)):
        chance = random.Random(seed)
        here, there = FORK.Pipe()
        worker = FORK.Process(target=echo, args=(there,))
        worker.start()
        there.close()
        kill_at = time.monotonic() + chance.random() * 0.03
        received = None
        try:
            while True:
                if time.monotonic() > kill_at:
                    worker.kill()
                    kill_at = float("inf")
                array = zerofill.zeros(chance.choice([10, 5000, MIB]), "u1", shared=True)
                array[...] = 1
                here.send(array)
                if chance.random() < 0.5:
                    array = None  # only the message is left
                if chance.random() < 0.8:
                    received = here.recv()
                    assert received.all()
        except (EOFError, ConnectionError, RuntimeError):
            pass
        if received is not None:
            received[...] = 2  # it lives on
        array = received = None
        here.close()
        worker.join(60)
        worker.close()
    del here, there, worker
    gc.collect()
    until(lambda: zerofill.stats().sent_bytes == 0)
    until(lambda: mapped() == 0)
    until(lambda: descriptors() <= files)


def answer_with_views(connection, seed):
    """Check what comes in, write to it, and send back another view of the same memory."""
    chance = np.random.default_rng(seed)
    while (request := connection.recv()) is not None:
        view, expected = request
        if not np.array_equal(view, expected):
            connection.send("wrong")
            continue
        value = chance.integers(1, 200)
        view[...] = value
        connection.send((view[..., ::-1], int(value)))
        del view, request


def random_view(chance, array):
    """Return a view by random slices, transposed or not."""
    slices = []
    for length in array.shape:
        start, stop = sorted(chance.integers(0, length + 1, 2))
        step = int(chance.choice([1, 1, 2, 3]))
        slices.append(slice(start, stop, step))
        if chance.random() < 0.3:
            slices[-1] = slice(None, None, -step)
    view = array[tuple(slices)]
    return view.T if chance.random() < 0.3 else view


def test_random_views_arrive_as_they_were_sent(count):
    chance = np.random.default_rng(7)
    here, there = FORK.Pipe()
    worker = FORK.Process(target=answer_with_views, args=(there, 8))
    worker.start()
    there.close()
    wrong, array = 0, None
    for turn in range(count(4000, 500_000)):  # each is sent both ways
        if turn % 50 == 0:
            shape = chance.integers(1, 12, chance.integers(1, 5))
            dtype = str(chance.choice(["u1", "i2", ">i4", "f8", "c16"]))
            array = zerofill.zeros(tuple(shape), dtype, shared=True)
        view = random_view(chance, array)
        view[...] = chance.integers(0, 100, view.shape)
        here.send((view, np.array(view)))
        answer = here.recv()
        wrong += isinstance(answer, str)
        back, value = answer
        wrong += back.base is not array.base or not (view == value).all()
        wrong += back.shape != view.shape or back.dtype != view.dtype
        del view, answer, back
    here.send(None)
    worker.join(60)
    assert wrong == 0
    assert worker.exitcode == 0


def read(connection, results):
    """Sum what comes in; say at the end what this process has."""
    first = None
    while (array := connection.recv()) is not None:
        connection.send(int(array.sum()))
        del array
        gc.collect()
        first = first or (descriptors(), mapped())
    zerofill.trim()
    results.send((first, (descriptors(), mapped())))


def test_a_writer_and_three_readers_do_not_drift(count):
    pipes = [FORK.Pipe() for _ in range(3)]
    results, ends = FORK.Pipe(duplex=False)
    readers = [FORK.Process(target=read, args=(there, ends)) for _, there in pipes]
    for reader in readers:
        reader.start()
    end = time.monotonic() + count(5, 600)
    settled, turn = None, 0
    while turn < 100 or time.monotonic() < end:
        array = zerofill.zeros((turn % 7 + 1) * 100_000, "u1", shared=True)
        array[...] = 1
        for here, _ in pipes:
            here.send(array)
        size = array.size
        del array
        for here, _ in pipes:
            assert here.recv() == size
        turn += 1
        if turn == 50:
            settled = descriptors(), mapped(), shared_bytes()
    for here, _ in pipes:
        here.send(None)
    for _ in readers:
        first, last = results.recv()
        assert last[0] <= first[0]
        assert last[1] <= first[1]
    until(lambda: descriptors() <= settled[0] + 4)
    until(lambda: mapped() <= settled[1] + 4)
    until(lambda: shared_bytes() < settled[2] + 8 * MIB)  # other programs have some, too
    for reader in readers:
        reader.join(60)
        assert reader.exitcode == 0
