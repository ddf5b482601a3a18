"""What the tests have other processes do, and what they count in each."""

import contextlib
import os
import pathlib
import time

import numpy as np

import zerofill

with contextlib.suppress(ImportError):  # not on Windows
    import resource


class Named(np.ndarray):
    """A subclass with an attribute."""


def echo(connection):
    """Add one to every array that comes in, and send it back; None ends it."""
    while (array := connection.recv()) is not None:
        array += 1
        connection.send(array)
        del array  # the answer alone is left


def echo_through_queues(requests, answers):
    """Do the same, with queues."""
    while (array := requests.get()) is not None:
        array += 1
        answers.put(array)
        del array


def fill(array, value):
    array[...] = value
    return os.getpid()


def fill_buffer(array):
    array.base.__setstate__(bytes(array.base.nbytes))


def total(array):
    return float(array.sum())


def faults_of_sum(array):
    """Return how many page faults it takes to read all of an array."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    array.sum()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def mapped():
    """Return how many mappings of shared memory this process has."""
    return pathlib.Path("/proc/self/maps").read_text().count("/memfd:zerofill")


def make_and_end(answers, nbytes):
    answers.put(zerofill.zeros(nbytes, "u1", shared=True))


def own(nbytes):
    """Return a shared array of this process's own."""
    array = zerofill.zeros(nbytes, "u1", shared=True)
    array[...] = 7
    return array


def wait_for_ever(connection):
    connection.send(os.getpid())
    time.sleep(600)


def describe(array):
    return {
        "shape": array.shape,
        "strides": array.strides,
        "dtype": array.dtype,
        "writable": array.flags.writeable,
        "fortran": array.flags.f_contiguous,
        "type": type(array),
        "aligned": array.ctypes.data % 64,
        "values": np.array(array, copy=True),
        "shared": isinstance(array.base, zerofill.Buffer) and array.base.shared,
    }


def descriptors():
    """Return how many there are, without those that the background thread reads figures by."""

    def count():
        time.sleep(0.005)
        found = 0
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found += not os.readlink(f"/proc/self/fd/{name}").startswith(("/proc/", "/sys/"))
        return found

    return min(count() for _ in range(5))
