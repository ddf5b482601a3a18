"""Shared arrays between Python processes, in every way in which programs send them."""

import concurrent.futures
import copy
import gc
import multiprocessing
import multiprocessing.connection
import os
import pickle
import subprocess
import sys
import threading
import time
import weakref
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import sharing_workers as workers
from sharing_workers import descriptors

import zerofill
from zerofill import Zeros

MIB = 1 << 20

METHODS = multiprocessing.get_all_start_methods()

pytestmark = pytest.mark.thread_unsafe(reason="starts processes, counts descriptors")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module", params=METHODS)
def context(request):
    return multiprocessing.get_context(request.param)


@pytest.fixture(scope="module")
def echo(context):
    """Send an array to a worker, which adds one to it, and return what comes back."""
    here, there = context.Pipe()
    worker = context.Process(target=workers.echo, args=(there,))
    worker.start()
    there.close()

    def send(array):
        here.send(array)
        assert here.poll(60)
        return here.recv()

    yield send
    here.send(None)
    worker.join(60)
    assert worker.exitcode == 0


def is_shared(array):
    base = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, zerofill.Buffer) and base.shared


MAKERS = {
    "zeros": lambda: zerofill.zeros((30, 20), shared=True),
    "zeros_like": lambda: zerofill.zeros_like(np.ones((30, 20), order="F"), shared=True),
    "Zeros": lambda: Zeros("float64", shared=True)((30, 20)),
    "a Buffer": lambda: np.frombuffer(zerofill.Buffer(4800, shared=True)).reshape(30, 20),
    "lazy": lambda: zerofill.zeros((30, 20), commit="lazy", shared=True),
    "background": lambda: zerofill.zeros((30, 20), commit="background", shared=True),
    "large": lambda: zerofill.zeros((3000, 2000), shared=True),
    "aligned": lambda: zerofill.zeros((30, 20), alignment=1 << 22, shared=True),
    "of no bytes": lambda: zerofill.zeros((30, 0), shared=True),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_it_is_an_ordinary_array(make):
    array = make()
    assert type(array) is np.ndarray
    assert array.flags.writeable
    assert array.flags.aligned
    assert is_shared(array)
    assert array.ctypes.data % 64 == 0
    assert not array.any()
    array += 1
    assert (array == 1).all()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_one_side_writes_the_other_sees(make, echo):
    array = make()
    back = echo(array)
    assert (array == 1).all()
    back += 1
    assert (array == 2).all()
    assert np.shares_memory(array, back) or array.size == 0


VIEWS = {
    "a slice": lambda a: a[3:9, 2:],
    "steps": lambda a: a[::3, ::2],
    "backwards": lambda a: a[::-1, ::-2],
    "transposed": lambda a: a.T,
    "one element": lambda a: a[4:5, 4:5],
    "no element": lambda a: a[4:4],
    "no dimension": lambda a: a[3, 3, ...],
    "another dtype": lambda a: a.view("i4"),
    "a field": lambda a: a.view([("x", "f4"), ("y", "i4")])["y"],
    "reshaped": lambda a: a.reshape(-1),
    "more dimensions": lambda a: a[None, :, None],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_travel_as_they_are(view, echo):
    array = zerofill.zeros((30, 20), shared=True)
    part = view(array)
    back = echo(part)
    assert back.shape == part.shape
    assert back.strides == part.strides
    assert back.dtype == part.dtype
    assert (part == 1).all()
    assert array.view("i4").astype(bool).any() == bool(part.size)


@pytest.mark.parametrize(
    "dtype",
    [
        "?",
        "i1",
        "u8",
        ">f4",
        "f2",
        "c16",
        "S5",
        "U3",
        "M8[s]",
        "V7",
        "bfloat16",
        "float8_e5m2",
        "int4",
    ],
)
def test_dtypes_travel(dtype, context):
    array = zerofill.zeros(9, dtype, shared=True)
    with context.Pool(1) as pool:
        there = pool.apply(workers.describe, (array,))
    assert there["dtype"] == array.dtype
    assert there["shared"]
    assert there["values"].tobytes() == array.tobytes()


def test_subclasses_travel_with_their_attributes(echo):
    array = zerofill.zeros(5, shared=True).view(workers.Named)
    array.name = "five"
    back = echo(array)
    assert type(back) is workers.Named
    assert back.name == "five"
    assert (array == 1).all()


def test_a_masked_array_travels_as_its_bytes(echo):
    array = np.ma.masked_array(zerofill.zeros(5, shared=True), mask=[0, 1, 0, 0, 0])
    back = echo(array)
    assert back.tolist() == [1, None, 1, 1, 1]
    assert array.tolist() == [0, None, 0, 0, 0]


def test_a_read_only_view_cannot_be_written_there(context):
    array = zerofill.zeros(1000, shared=True)
    view = array.view()
    view.flags.writeable = False
    with context.Pool(1) as pool:
        assert pool.apply(workers.describe, (view,))["writable"] is False
        with pytest.raises(ValueError, match="read-only"):
            pool.apply(workers.fill, (view, 1))
        array[...] = 3
        assert pool.apply(workers.total, (view,)) == 3000
        assert pool.apply(workers.fill, (array, 4)) != os.getpid()
    pool.join()  # its threads hold what they have sent
    gc.collect()
    assert (view == 4).all()


def test_arguments_of_a_process(context):
    array = zerofill.zeros((4, 1000), shared=True)
    running = [
        context.Process(target=workers.fill, args=(array[i], i + 1)) for i in range(len(array))
    ]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert array.sum(1).tolist() == [1000, 2000, 3000, 4000]


@pytest.mark.parametrize("kind", ["Queue", "SimpleQueue", "JoinableQueue"])
def test_queues(context, kind):
    requests, answers = getattr(context, kind)(), getattr(context, kind)()
    worker = context.Process(target=workers.echo_through_queues, args=(requests, answers))
    worker.start()
    array = zerofill.zeros(1000, shared=True)
    for turn in range(1, 5):
        requests.put(array[turn:])
        assert (answers.get()[-1], array[0]) == (turn, 0)
    requests.put(None)
    worker.join(60)
    assert worker.exitcode == 0
    if hasattr(requests, "join_thread"):
        requests.close()
        requests.join_thread()  # it may hold what it has sent


def test_pipes(context):
    here, there = context.Pipe()
    array = zerofill.zeros(10, shared=True)
    here.send({"nested": [array, array[2:]]})
    received = there.recv()["nested"]
    received[1][0] = 5
    assert array[2] == received[0][2] == 5


def test_an_executor(context):
    array = zerofill.zeros((8, MIB), "u1", shared=True)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        pids = set(pool.map(workers.fill, array, range(8)))
        assert os.getpid() not in pids
        assert (array == np.arange(8)[:, None]).all()
        theirs = pool.submit(workers.own, 5 * MIB).result()
        assert (theirs == 7).all()
        pool.submit(workers.fill, theirs, 8).result()
        assert (theirs == 8).all()


@pytest.mark.parametrize("nbytes", [100, 20 * MIB])
def test_what_was_dropped_arrives(nbytes, echo):
    for value in range(5):
        array = zerofill.zeros(nbytes, "u1", shared=True)
        array[...] = value
        requests = [array, array[::2]]
        del array
        first = echo(requests.pop())
        assert (first == value + 1).all()


def test_an_array_of_an_ended_process_is_an_error(context):
    answers = context.Queue()
    process = context.Process(target=workers.make_and_end, args=(answers, 1000))
    process.start()
    process.join(60)
    with pytest.raises(RuntimeError, match=r"ended.*must run until the array has arrived"):
        answers.get(timeout=60)


def test_a_buffer_travels(echo):
    here, there = multiprocessing.Pipe()
    buffer = zerofill.Buffer(100, shared=True)
    here.send(buffer)
    assert there.recv() is buffer


def test_a_pickle_holds_the_bytes():
    array = zerofill.zeros((3, 4), shared=True)
    array[1] = 5
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        stored = pickle.dumps(array, protocol)
        assert b"zerofill" not in stored
        loaded = pickle.loads(stored)
        assert (loaded == array).all()
        assert not is_shared(loaded)
    other = copy.deepcopy(array)
    other[...] = 0
    assert array.sum() == 20


def test_a_connection_over_the_network_carries_the_bytes():
    array = zerofill.zeros(1000, shared=True)
    array[...] = 1
    with multiprocessing.connection.Listener(("localhost", 0), authkey=b"k") as listener:
        received = []

        def serve():
            with listener.accept() as connection:
                received.append(connection.recv())

        server = threading.Thread(target=serve)
        server.start()
        with multiprocessing.connection.Client(listener.address, authkey=b"k") as client:
            client.send(array)
        server.join(60)
    assert (received[0] == 1).all()
    assert not is_shared(received[0])


def test_nobody_elses_pickling_changes():
    code = """
import io, pickle, multiprocessing.reduction as reduction, sys
import numpy as np
def dumps(instance):
    file = io.BytesIO(); reduction.ForkingPickler(file, 4).dump(instance); return file.getvalue()
samples = [np.arange(5), [1, "x"], np.float32(3), np.ma.ones(3), {"a": np.zeros((2, 2))}]
before = [dumps(sample) for sample in samples]
finders = list(sys.meta_path)
import zerofill
zerofill.zeros(3)
assert sys.meta_path == finders
assert "reducer_override" not in vars(reduction.ForkingPickler)
shared = zerofill.zeros(3, shared=True)
assert "reducer_override" in vars(reduction.ForkingPickler)
assert [dumps(sample) for sample in samples] == before
assert dumps(np.arange(5)) == before[0]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@linux
def test_another_program_takes_it_by_its_path():
    array = zerofill.zeros(1000, shared=True)
    assert zerofill.Buffer(3).path is None
    code = f"""
import numpy as np
array = np.memmap({array.base.path!r}, "f8", "r+", shape=1000)
array[7] = 8
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert array[7] == 8
    assert len(np.memmap(array.base.path, "f8", "r")) > 1000


@linux
def test_descriptors_do_not_leak(echo):
    zerofill.trim()
    gc.collect()
    echo(zerofill.zeros(3, shared=True))
    before = descriptors()
    for _ in range(5000):
        zerofill.zeros(10, shared=True)
    assert descriptors() <= before + 64  # the pool's
    for _ in range(300):
        echo(zerofill.zeros(10, shared=True))
    zerofill.trim()
    gc.collect()
    assert descriptors() <= before


@linux
def test_the_limit_of_descriptors_is_an_error_that_says_so():
    code = """
import resource, zerofill
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
kept = []
try:
    while True:
        kept.append(zerofill.zeros(10, shared=True))
except MemoryError as error:
    assert "RLIMIT_NOFILE" in str(error) and "256" in str(error), error
assert len(kept) > 200
kept.pop()
assert not zerofill.zeros(10, shared=True).any()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@linux
def test_the_limit_of_files_is_an_error_that_says_so():
    code = """
import resource, zerofill
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    zerofill.zeros(2 << 20, "u1", shared=True)
except MemoryError as error:
    assert "RLIMIT_FSIZE" in str(error) and "1.00 MiB" in str(error), error
else:
    raise SystemExit("granted")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("nbytes", [1 << 45, 1 << 55])
@pytest.mark.parametrize("commit", ["eager", "lazy"])
def test_what_does_not_fit_is_refused(nbytes, commit):
    with pytest.raises(MemoryError, match="can still be used") as raised:
        zerofill.zeros(nbytes, "u1", commit=commit, shared=True)
    assert "lazy" not in str(raised.value)


@pytest.mark.parametrize("dtype", [object, "T"])
def test_elements_elsewhere_cannot_be_shared(dtype):
    for make in (
        lambda: zerofill.zeros(3, dtype, shared=True),
        lambda: zerofill.zeros_like([1], dtype, shared=True),
        lambda: Zeros(dtype, shared=True)(3),
    ):
        with pytest.raises(TypeError, match=r"cannot be shared.*shared=False"):
            make()


@pytest.mark.parametrize("shared", [1, None, "yes"])
def test_shared_must_be_a_bool(shared):
    for make in (zerofill.zeros, zerofill.Buffer, lambda n, shared: Zeros(shared=shared)):
        with pytest.raises(TypeError, match="shared must be True or False, got"):
            make(3, shared=shared)


def test_the_initializers_config():
    initializer = Zeros("int8", shared=True)
    assert initializer.get_config() == {"dtype": "int8", "shared": True}
    assert Zeros("int8", shared=False).get_config() == {"dtype": "int8"}
    assert Zeros.from_config(initializer.get_config()) == initializer != Zeros("int8")
    assert repr(initializer) == "Zeros('int8', shared=True)"


@linux
def test_a_program_that_has_the_path_keeps_what_it_has():
    zerofill.trim()
    array = zerofill.zeros(MIB, "u1", shared=True)
    theirs = np.memmap(array.base.path, "u1", "r+")
    array[...] = 1
    del array
    other = zerofill.zeros(MIB, "u1", shared=True)
    other[...] = 55
    assert (theirs[:MIB] == 1).all()
    theirs[...] = 99
    assert (other == 55).all()


@linux
def test_a_late_reader_gets_nothing_of_the_next_array():
    zerofill.trim()
    array = zerofill.zeros(MIB, "u1", shared=True)
    message = ForkingPickler.dumps(array)
    del array
    back = ForkingPickler.loads(message)  # it has arrived
    del back
    end = time.monotonic() + 30
    while zerofill.stats().sent_bytes:  # the background thread looks
        assert time.monotonic() < end
        time.sleep(0.001)
    other = zerofill.zeros(MIB, "u1", shared=True)
    other[...] = 42
    with pytest.raises(RuntimeError, match="must run until the array has arrived"):
        ForkingPickler.loads(message)
    assert (other == 42).all()


@linux
def test_nothing_is_left_behind_an_array_in_a_reused_block():
    zerofill.trim()
    array = zerofill.zeros(MIB + 60_000, "u1", shared=True)
    array[...] = 77
    del array
    other = zerofill.zeros(MIB, "u1", shared=True)
    assert not np.memmap(other.base.path, "u1", "r")[: MIB + 60_000].any()


def test_what_could_not_be_pickled_is_not_kept():
    here, _there = multiprocessing.Pipe()
    array = zerofill.zeros(MIB, "u1", shared=True)
    for _ in range(600):
        with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
            here.send([array, lambda: 0])
    del array
    assert zerofill.stats().sent_bytes == 0


def test_sending_keeps_no_array_alive():
    pipe = multiprocessing.SimpleQueue()

    def send():
        array = zerofill.zeros(100, shared=True)
        reference = weakref.ref(array)
        pipe.put(array)
        del array
        return reference

    assert send()() is None
    assert not pipe.get().any()


def test_a_worker_that_ends_waits_for_its_results(context):
    with context.Pool(2, maxtasksperchild=1) as pool:
        for number, result in enumerate(pool.imap(workers.own, [100, MIB] * 10)):
            assert (result == 7).all(), number
    pool.join()
    del result
    gc.collect()


def test_strided_views_travel_as_views(echo):
    array = zerofill.zeros(10, shared=True)
    windows = np.lib.stride_tricks.as_strided(array, (4, 3), (8, 8), writeable=True)
    assert is_shared(echo(windows))
    assert array[0] == 1
    beyond = np.lib.stride_tricks.as_strided(array[8:], (1,), (8,))
    assert is_shared(echo(beyond))


def test_a_read_only_buffer_cannot_be_filled():
    context = multiprocessing.get_context("spawn")  # a forked child has the writable one
    array = zerofill.zeros(10, shared=True)
    view = array.view()
    view.flags.writeable = False
    with context.Pool(1) as pool, pytest.raises(ValueError, match="read-only"):
        pool.apply(workers.fill_buffer, (view,))
    pool.join()
    gc.collect()


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork")
def test_a_fork_while_another_thread_receives():
    stop = threading.Event()
    array = zerofill.zeros(10, shared=True)

    def receive():
        while not stop.is_set():
            ForkingPickler.loads(ForkingPickler.dumps(array))

    thread = threading.Thread(target=receive)
    thread.start()
    try:
        for _ in range(50):
            child = os.fork()
            if child == 0:
                zerofill.zeros(10, shared=True)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        thread.join()


def test_reuse_shows_nothing_of_a_former_array(echo):
    for value in range(1, 30):
        array = zerofill.zeros(2 * MIB, "u1", shared=True)
        assert not array.any()
        array[...] = value
        if value % 3 == 0:
            assert (echo(array) == value + 1).all()
        del array


def test_what_was_never_sent_is_used_again():
    zerofill.trim()
    zerofill.zeros(16 * MIB, "u1", shared=True)
    before = zerofill.stats()
    array = zerofill.zeros(16 * MIB, "u1", shared=True)
    after = zerofill.stats()
    assert after.misses == before.misses
    assert not array.any()


@pytest.mark.skipif("fork" not in METHODS, reason="there is no fork")
def test_a_fork_shares_shared_memory_alone():
    shared, private = zerofill.zeros(1000, shared=True), zerofill.zeros(1000)
    child = os.fork()
    if child == 0:
        shared[:], private[:] = 1, 1
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (shared == 1).all()
    assert not private.any()
