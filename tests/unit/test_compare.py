"""``zerofill compare``: what it counts, and what it concludes from it."""

import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import textwrap

import pytest

from zerofill import cli, launch
from zerofill.compare import PLAIN, ZEROFILL, Comparison, Run

pytestmark = [
    pytest.mark.own_memory,
    pytest.mark.plain_build("starts processes and reads what they print"),
    pytest.mark.thread_unsafe(reason="starts processes"),
    pytest.mark.skipif(not hasattr(os, "wait4"), reason="there is no wait4"),
]

RUN = Run(
    wall=1.0,
    cpu=1.0,
    system=0.1,
    faults=100,
    peak_bytes=1 << 20,
    memory=((0.0, 100), (0.5, 300), (0.75, 200)),
    status=0,
    output=("a", "b"),
)


def of_walls(plain, other):
    runs = {
        PLAIN: [dataclasses.replace(RUN, wall=wall) for wall in plain],
        ZEROFILL: [dataclasses.replace(RUN, wall=wall) for wall in other],
    }
    return Comparison(RUN, runs)


@pytest.mark.parametrize(
    ("plain", "other", "verdict"),
    [
        ([1.00, 1.02, 1.01], [0.70, 0.71, 0.69], "helps"),
        ([0.70, 0.71, 0.69], [1.00, 1.02, 1.01], "costs"),
        ([1.00, 1.02, 1.01], [1.00, 1.02, 1.01], "makes no difference"),
        ([1.00, 1.30, 1.01], [0.90, 0.91, 0.92], "helps"),  # one was held up
        ([1.00, 1.30, 1.15], [0.90, 0.91, 0.92], "makes no difference"),  # within the spread
        ([1.00, 1.01, 1.02, 1.01], [0.90, 0.91, 1.30, 0.92], "helps"),
        ([1.00, 1.00, 1.00], [0.96, 0.96, 0.96], "makes no difference"),  # too little to speak of
        ([0.050, 0.050, 0.050], [0.035, 0.035, 0.035], "makes no difference"),
        ([2.0], [1.0], "helps"),
    ],
)
def test_the_verdict(plain, other, verdict):
    assert of_walls(plain, other).verdict(ZEROFILL) == verdict


@pytest.mark.parametrize("runs", [3, 5])
@pytest.mark.parametrize("noise", [0.001, 0.03, 0.3])
def test_noise_is_no_difference(runs, noise):
    """Of 10,000 comparisons of a program with itself, few are taken for a difference."""
    numbers = random.Random(1)
    walls = lambda: [numbers.lognormvariate(0, noise) for _ in range(runs)]  # noqa: E731
    verdicts = [of_walls(walls(), walls()).verdict(ZEROFILL) for _ in range(10_000)]
    most = 400 if runs == 3 and noise > 0.01 else 100
    assert sum(verdict != "makes no difference" for verdict in verdicts) < most


def test_ratios_and_their_spread():
    comparison = of_walls([1.0, 2.0, 4.0], [0.5, 0.5, 4.0])
    assert comparison.ratio(ZEROFILL, "wall") == 0.25
    assert comparison.spread(ZEROFILL, "wall") == (0.25, 1.0)


def test_figures_that_are_zero_have_no_ratio():
    runs = [dataclasses.replace(RUN, system=0.0)]
    comparison = Comparison(RUN, {PLAIN: runs, ZEROFILL: [RUN]})
    assert comparison.ratio(ZEROFILL, "system") is None
    assert comparison.spread(ZEROFILL, "system") is None


def test_how_long_memory_is_above_that_of_the_other():
    assert RUN.seconds_above(150) == 0.5
    assert RUN.seconds_above(250) == 0.25
    assert RUN.seconds_above(300) == 0
    plain = [dataclasses.replace(RUN, memory=((0.0, 140),))]
    assert Comparison(RUN, {PLAIN: plain, ZEROFILL: [RUN]}).seconds_above_plain(ZEROFILL) == 0.5
    unknown = [dataclasses.replace(RUN, memory=())]
    assert Comparison(RUN, {PLAIN: plain, ZEROFILL: unknown}).seconds_above_plain(ZEROFILL) is None


def test_differences_of_behaviour_are_told():
    other = dataclasses.replace(RUN, output=("c", "b"))
    failed = dataclasses.replace(RUN, status=1)
    assert Comparison(RUN, {PLAIN: [RUN, RUN], ZEROFILL: [RUN, RUN]}).differences() == []
    assert Comparison(RUN, {PLAIN: [RUN, RUN], ZEROFILL: [RUN, other]}).differences() == [
        "The program's output with zerofill differs from that with NumPy."
    ]
    assert Comparison(RUN, {PLAIN: [RUN, other], ZEROFILL: [RUN, failed]}).differences() == [
        "The program's exit status with zerofill differs from that with NumPy.",
        "The program's output differs from run to run, with NumPy too.",
    ]


def compared(capfd, *arguments):
    status = cli.main(["compare", "--runs", "1", *arguments])
    out, err = capfd.readouterr()
    return status, out, err


CODE = """if True:
    import sys, numpy as np
    from numpy._core.multiarray import get_handler_name
    print("once", file=sys.stderr)
    np.ones(32 << 20, "u1")
    print(sys.argv, get_handler_name() if "--tell" in sys.argv else "")
    raise SystemExit(3)
"""


def test_a_program_is_run_in_each_way_and_its_output_goes_through_once(capfd, tmp_path):
    file = tmp_path / "figures.json"
    status, out, err = compared(capfd, "--json", str(file), "-c", CODE, "x")
    assert status == 3
    assert out == "['-c', 'x'] \n"
    assert err.count("once\n") == 1
    for words in ("wall time", "CPU time", "in the system", "page faults", "peak memory", "ratio"):
        assert words in err
    assert "differs" not in err
    record = json.loads(file.read_text())
    assert record["runs"].keys() == {PLAIN, ZEROFILL}
    for runs in record["runs"].values():
        assert [run["status"] for run in runs] == [3]
        assert runs[0]["peak_bytes"] > 32 << 20
        assert runs[0]["cpu"] >= runs[0]["system"] > 0
        assert runs[0]["faults"] > 0


def test_outputs_that_differ_are_reported(capfd):
    _, out, err = compared(capfd, "-c", CODE, "--tell")
    assert out == "['-c', '--tell'] default_allocator\n"
    assert "The program's output with zerofill differs from that with NumPy." in err


def test_the_report_fits_80_columns(capfd):
    _, _, err = compared(capfd, "-c", "")
    assert max(map(len, err.splitlines())) <= 80


def test_a_signal_is_the_exit_status_of_a_shell(capfd):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert compared(capfd, "-c", code)[0] == 128 + 15


def test_what_differs_each_time_is_not_zerofills_fault(capfd):
    _, _, err = compared(capfd, "-c", "import os; print(os.getpid())")
    assert "The program's output differs from run to run, with NumPy too." in err


def test_output_of_a_program_whose_reader_has_left(tmp_path):
    (tmp_path / "long.py").write_text("for i in range(100_000): print('a line that is long')")
    command = f"{sys.executable} -m zerofill compare --runs 1 long.py | head -1"
    result = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert result.stdout == "a line that is long\n"
    assert "Traceback" not in result.stderr
    assert "wall time" in result.stderr


def test_a_process_that_is_left_behind_holds_up_nothing():
    code = "import subprocess; print(subprocess.Popen(['sleep', '120']).pid)"
    command = [sys.executable, "-m", "zerofill", "compare", "--runs=1", "-c", code]
    output = subprocess.check_output(command, stderr=subprocess.DEVNULL, timeout=60)
    os.kill(int(output), signal.SIGKILL)  # it sleeps still


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_program_outlives_the_command(number):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    command = [sys.executable, "-m", "zerofill", "compare", "-c", code]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pid = int(process.stdout.readline())
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    process.stdout.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="pidfd_open is Linux's")
def test_a_signal_that_does_not_interrupt_the_wait_is_handled():
    # Another thread gets it, as the wait itself would not if it came just before.
    code = """
        import os, signal, sys, threading, time
        from zerofill.compare import PLAIN, Way, compare

        def send():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
            time.sleep(0.5)
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

        signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        threading.Thread(target=send).start()
        compare(["-c", "import time; time.sleep(600)"], [Way(PLAIN, os.environ)], 1)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=60)
    assert done.returncode == 3


def test_an_interrupt_while_the_memory_begins_to_be_sampled_ends_the_command():
    pytest.importorskip("psutil")
    code = """
        import os, sys, threading
        from zerofill.compare import PLAIN, Way, compare

        class Thread(threading.Thread):
            def start(self):
                super().start()
                if "sample" in self.name:
                    sys.exit(3)

        threading.Thread = Thread
        compare(["-c", "import time; time.sleep(600)"], [Way(PLAIN, os.environ)], 1)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=60)
    assert done.returncode == 3


def test_the_plain_runs_are_plain_under_run(capfd, monkeypatch):
    environment = launch.environment_of_run(os.environ, {})
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    _, out, _ = compared(capfd, "-c", CODE, "--tell")
    assert out == "['-c', '--tell'] default_allocator\n"


def test_a_program_that_reads_finds_nothing(capfd):
    status, out, _ = compared(capfd, "-c", "import sys; print(repr(sys.stdin.read()))")
    assert (status, out) == (0, "''\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a program"),
        (["-"], "name a program"),
        (["--with", "libmissing.so", "-c", ""], "cannot preload 'libmissing.so'"),
        (["--with", "a b.so", "-c", ""], "got 'a b.so'"),
        (["--with", "", "-c", ""], "got ''"),
        (["--json", "-", "-c", ""], "--json needs a file"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="needs ld.so")
def test_what_cannot_be_compared_is_named(arguments, words, capfd):
    status, out, err = compared(capfd, *arguments)
    assert (status, out) == (2, "")
    assert words in err


@pytest.mark.skipif(sys.platform != "linux", reason="needs ld.so")
def test_a_library_can_be_preloaded(capfd):
    code = "import os; print('libdl' in os.environ.get('LD_PRELOAD', ''))"
    _, out, err = compared(capfd, "--with", "libdl.so.2", "-c", code)
    assert out == "False\n"
    assert "libdl.so.2" in err
    assert "The program's output with libdl.so.2 differs from that with NumPy." in err
