"""``zerofill profile``: which lines make large arrays, in every process, and what it prints."""

import html.parser
import json
import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

from zerofill import Stats, _zerofill, cli
from zerofill.cli.profile import _report, place_of
from zerofill.cli.profile_page import write_page
from zerofill.profile import Profile, Sample, Site

pytestmark = [
    pytest.mark.own_memory,
    pytest.mark.plain_build("starts processes and reads what they print"),
    pytest.mark.thread_unsafe(reason="starts processes"),
]

PROFILE = [sys.executable, "-m", "zerofill", "profile"]
posix = pytest.mark.skipif(os.name == "nt", reason="needs signals and fork")


@pytest.fixture
def profile(tmp_path):
    """Return a function that profiles a script: what was printed, and the record."""

    def run(text, *options, **others):
        (tmp_path / "script.py").write_text(textwrap.dedent(text), "utf-8")
        (tmp_path / "record.json").unlink(missing_ok=True)
        command = [*PROFILE, "--json", "record.json", *options, "script.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, **others)
        return done, json.loads((tmp_path / "record.json").read_text("utf-8"))

    return run


def counts(record):
    """Return how many arrays each line of the script made, and how many bytes these have."""
    return {
        (site["line"], site["function"]): (site["count"], site["nbytes"])
        for site in record["sites"]
        if site["file"].endswith("script.py")
    }


# What is recorded --------------------------------------------------------------------------------


def test_lines_are_recorded_with_their_arrays(profile):
    done, record = profile(
        """
        import numpy as np, zerofill
        def make(n):
            return np.ones(n)
        for _ in range(5):
            a = make(100_000)
        b = np.zeros((1000, 1000)); c = np.zeros_like(b)
        d = np.concatenate([a, a])
        e = zerofill.zeros(1 << 22, "u1")
        f = [make(10) for _ in range(100)]
        a.resize(200_000, refcheck=False)
        print(np.sort(a)[0])
        """
    )
    assert done.returncode == 0
    assert done.stdout == "0.0\n"
    assert counts(record) == {
        (4, "make"): (5, 4_000_000),
        (7, "<module>"): (2, 16_000_000),
        (8, "<module>"): (1, 1_600_000),
        (9, "<module>"): (1, 1 << 22),
        (11, "<module>"): (1, 1_600_000),
        (12, "<module>"): (1, 1_600_000),
    }
    assert all(0 < site["seconds"] < record["seconds"] for site in record["sites"])
    assert 0 < record["allocating_seconds"] < record["seconds"]
    assert record["stats"]["live_bytes"] > 16_000_000
    assert (record["processes"], record["lost_processes"]) == (1, 0)


def test_lines_of_threads_and_of_libraries_are_the_callers(profile):
    _, record = profile(
        """
        import numpy as np, threading
        from numpy.lib import stride_tricks
        def work():
            for _ in range(50):
                np.unique(np.arange(30_000))
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    )
    (site,) = [site for site in record["sites"] if site["nbytes"] > 1 << 20]
    assert (site["line"], site["function"]) == (6, "work")
    assert site["count"] >= 400


PROCESSES = """
    import multiprocessing, subprocess, sys
    import numpy as np
    def make(n):
        return np.ones(n).size
    if __name__ == "__main__":
        make(100_000)
        context = multiprocessing.get_context({method!r})
        children = [context.Process(target=make, args=(100_000,)) for _ in range(3)]
        for child in children: child.start()
        for child in children: child.join()
        subprocess.run([sys.executable, "-c", "import numpy as np; np.ones(100_000)"], check=True)
"""


@pytest.mark.parametrize(
    "method", ["spawn", pytest.param("fork", marks=posix), pytest.param("forkserver", marks=posix)]
)
def test_every_process_is_recorded(profile, method):
    done, record = profile(PROCESSES.format(method=method))
    assert done.stderr.startswith("\n"), done.stderr
    assert counts(record)[5, "make"] == (4, 3_200_000)
    in_string = [site for site in record["sites"] if site["file"] == "<string>"]
    assert [site["count"] for site in in_string] == [1]
    assert record["lost_processes"] == 0
    # The fork server imports NumPy where it preloads the main module.
    assert record["processes"] in ((5, 6) if method == "forkserver" else (5,))


@posix
def test_a_plain_fork_is_recorded_without_a_warning(profile):
    done, record = profile(
        """
        import os, warnings
        warnings.simplefilter("error")
        import numpy as np
        for _ in range(20):
            a = np.ones(100_000)
            if (pid := os.fork()) == 0:
                b = np.ones(300_000)
                raise SystemExit
            os.waitpid(pid, 0)
        """
    )
    assert done.stderr.startswith("\n"), done.stderr
    assert counts(record) == {
        (6, "<module>"): (20, 16_000_000),
        (8, "<module>"): (20, 48_000_000),
    }


def test_processes_that_are_killed_are_counted(profile):
    done, record = profile(
        """
        import numpy as np, os, subprocess, sys
        subprocess.run([sys.executable, "-c", "import numpy, os; os._exit(3)"])
        """
    )
    assert (record["processes"], record["lost_processes"]) == (1, 1)
    assert "1 process with NumPy left a record. 1 did not" in done.stderr


def test_code_that_is_compiled_in_a_loop_is_not_kept_for_ever(profile):
    _, record = profile(
        """
        import numpy as np
        def made():
            scope = {}
            exec("def f(): return np.empty(20_000)", {"np": np}, scope)
            scope["f"]()
        for _ in range(25_000):
            made()
        """
    )
    by_file = {site["file"]: site["count"] for site in record["sites"]}
    assert by_file["<string>"] + by_file[""] == 25_000
    assert by_file[""] >= 5_000


def test_memory_over_time(profile):
    _, record = profile(
        """
        import numpy as np, time
        a = np.ones(4 << 20); time.sleep(0.1)
        b = np.ones(100_000); time.sleep(0.1)
        del a; time.sleep(0.1)
        """
    )
    samples = [Sample(**sample) for sample in record["samples"]]
    assert max(sample.live_bytes for sample in samples) >= 32 << 20
    assert samples[-1].live_bytes < 1 << 20
    assert samples[-1].idle_bytes >= 32 << 20
    assert record["most_idle_bytes"] == max(sample.idle_bytes for sample in samples)
    assert samples == sorted(samples)
    assert 0 < samples[0].seconds < samples[-1].seconds < record["seconds"]
    if sys.platform == "linux":
        resident = [nbytes for _, nbytes in record["resident"]]
        assert max(resident) - min(resident) >= 31 << 20


def test_what_cannot_be_had_is_not_counted(profile):
    _, record = profile(
        """
        import numpy as np
        a = np.ones(100_000)
        for make in (np.empty, np.zeros, lambda n: a.resize(n, refcheck=False)):
            try:
                make(1 << 60)
            except MemoryError:
                pass
        """
    )
    assert counts(record) == {(3, "<module>"): (1, 800_000)}


def test_arrays_of_a_thread_beside_a_sub_interpreter(profile):
    done, record = profile(
        """
        import numpy as np
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        interpreters.run_string(interpreters.create(), "1 + 1")
        x = np.ones(1_000_000)
        np.sort(x[::2], kind="stable")  # takes memory without the GIL
        """
    )
    assert done.returncode == 0, done.stderr
    assert record["sites"][0]["nbytes"] >= 8_000_000


def test_nothing_is_recorded_without_a_profile():
    assert _zerofill.call_sites()["sites"] == []


# The program runs as it would --------------------------------------------------------------------


def test_programs_without_numpy_and_their_status(profile):
    done, record = profile("import sys; sys.exit(7)")
    assert (done.returncode, record["status"], record["processes"]) == (7, 7, 0)
    assert "No process imported NumPy." in done.stderr


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_signals_reach_the_program(name, tmp_path):
    number = getattr(signal, name)
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy as np, signal, sys, time\n"
        "def stop(*_): print('stopped'); sys.exit(4)\n"
        f"signal.signal({int(number)}, stop)\n"
        "a = np.ones(100_000)\n"
        "print('ready', flush=True)\n"
        # Not one long sleep: a signal that comes just before it would be handled after it.
        "for _ in range(600): time.sleep(0.1)\n"
    )
    process = subprocess.Popen(
        [*PROFILE, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # nohup(1) ignores some
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (out, process.returncode) == ("stopped\n", 4)
    assert "script.py:4 <module>" in err


@posix
def test_an_interrupt_from_a_terminal_comes_once(tmp_path):
    import pty

    (tmp_path / "script.py").write_text(
        "import numpy as np, signal, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGINT, lambda *_: seen.append(1))\n"
        "print('ready', flush=True)\n"
        "while not seen: time.sleep(0.01)\n"
        "time.sleep(0.3)\n"
        "print('interrupts:', len(seen), flush=True)\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(PROFILE[0], [*PROFILE, "script.py"])
    seen = b""
    while b"ready" not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, b"\x03")  # Ctrl-C
    try:
        while chunk := os.read(terminal, 1000):
            seen += chunk
    except OSError:  # Linux raises it when the other end is closed
        pass
    os.close(terminal)
    assert b"interrupts: 1" in seen
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@posix
@pytest.mark.parametrize("command", ["profile", "compare"])
def test_what_the_shell_has_opened_is_the_programs(command, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import numpy, sys; print(open(sys.argv[1]).read())")
    shell = f'"{sys.executable}" -m zerofill {command} {script} /dev/fd/7 7</dev/null'
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a program"),
        (["--html", "-", "x.py"], "--json and --html need a file"),
        (["-E", "x.py"], "leave them out"),
    ],
)
def test_what_is_refused(arguments, message, capsys):
    assert cli.main(["profile", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_page_needs_matplotlib(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["profile", "--html", str(tmp_path / "page.html"), "x.py"]) == 2
    assert "pip install 'zerofill[profile]'" in capsys.readouterr().err


# What is printed ---------------------------------------------------------------------------------


def test_the_report_has_at_most_80_columns(profile):
    name = "a_function_whose_name_is_" + "very_" * 15 + "long"
    done, _ = profile(
        f"""
        import numpy as np
        def {name}():
            return np.zeros((1000, 1000))
        for _ in range(30):
            {name}()
        """
    )
    assert max(map(len, done.stderr.splitlines())) <= 80
    for text in ("made", "reused", "zeroed", "fresh", "moved", "idle", "Options that would"):
        assert text in done.stderr


def test_large_figures_have_at_most_80_columns():
    figures = Stats(*[999_999_999_999 for _ in Stats._fields])
    found = Profile(
        0,
        9_999.9,
        process_seconds=99_999.9,
        processes=9_999,
        lost_processes=9_999,
        sites=[Site("x.py", 1, "f", 99_999_999, 9 << 40, 9_999.0)],
        stats=figures,
        faults=999_999_999,
        other_system_seconds=99_999.9,
        samples=[Sample(1.0, 1, 1)],
    )
    assert max(map(len, _report(found))) <= 80


def test_long_places_show_their_end():
    site = Site("/somewhere/module.py", 12, "f" * 100, 1, 1 << 20, 0.0)
    assert place_of(site, 20) == "..." + "f" * 17
    assert place_of(Site("", 0, "", 1, 1 << 20, 0.0), 20) == "(no line of Python)"


NO_STATS = Stats(*[0] * len(Stats._fields))
GIB = 1 << 30


@pytest.mark.parametrize(
    ("stats", "options", "others", "words"),
    [
        ({}, {}, {}, []),
        ({"populated_bytes": GIB}, {"huge_pages": "off"}, {}, ["--huge-pages auto"]),
        ({"populated_bytes": GIB}, {"huge_pages": "auto"}, {}, ["zerofill info"]),
        ({"returned_bytes": GIB, "misses": 100}, {}, {}, ["--pool-limit"]),
        ({"returned_bytes": GIB, "misses": 5}, {}, {}, []),
        ({}, {"num_threads": 1, "usable_cpus": 2}, {}, []),
        ({}, {"num_threads": 1, "usable_cpus": 2}, {"freeing_seconds": 1.0}, ["--num-threads"]),
        ({}, {"num_threads": 1, "usable_cpus": 1}, {"freeing_seconds": 1.0}, []),
        ({"zeroed_bytes": 2 * GIB}, {}, {"freeing_seconds": 1.0}, ["--scrub on"]),
        ({"zeroed_bytes": 2 * GIB}, {"scrub": "on"}, {"freeing_seconds": 1.0}, []),
        (
            {"populated_bytes": 2 * GIB, "huge_page_bytes": 2 * GIB},
            {},
            {"freeing_seconds": 1.0},
            ["reserve"],
        ),
        ({"peak_bytes": GIB}, {}, {"most_idle_bytes": GIB}, ["keeps less"]),
    ],
)
def test_the_advice_follows_from_the_figures(stats, options, others, words):
    found = Profile(
        0,
        10.0,
        process_seconds=10.0,
        stats=NO_STATS._replace(**stats),
        options=options,
        **others,
    )
    advice = found.advice()
    assert len(advice) == len(words)
    for sentence, word in zip(advice, words, strict=True):
        assert word in sentence


def test_the_page_is_one_file_that_is_well_formed(tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "page.html"
    found = Profile(
        0,
        10.0,
        process_seconds=10.0,
        processes=1,
        sites=[
            Site("/x/<evil>&.py", 3, "<lambda>", 5, 1 << 24, 0.01),
            Site("/x/$a_{$\udcff.py", 3, "f", 5, 1 << 24, 0.01),
        ],
        samples=[Sample(i / 10, i << 20, i << 18) for i in range(50)],
        resident=[(i / 10, 50 << 20) for i in range(50)],
    )
    write_page(str(file), found, ["script.py", "<b>"])
    text = file.read_text("utf-8")
    assert "<evil>" not in text
    assert "&lt;evil&gt;&amp;.py:3 &lt;lambda&gt;" in text
    assert text.count("<svg") == text.count("</svg>") == 2
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', text)

    class Checker(html.parser.HTMLParser):
        open_tags: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br"):
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    checker = Checker()
    checker.feed(text)
    assert checker.open_tags == []
