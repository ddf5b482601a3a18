"""``zerofill run``: a program behaves as under ``python``, and NumPy uses zerofill in all of it."""

import os
import signal
import subprocess
import sys
import textwrap
from typing import NamedTuple

import pytest

from zerofill import launch

pytestmark = [
    pytest.mark.thread_unsafe(reason="starts processes"),
    pytest.mark.plain_build("compares what processes print, and a sanitizer prints more"),
]

RUN = ["-m", "zerofill", "run"]
posix = pytest.mark.skipif(os.name == "nt", reason="needs signals")


class Case(NamedTuple):
    """A program: its arguments, and the files and the standard input that it has."""

    arguments: list[str]
    files: dict[str, str] = {}  # noqa: RUF012  # nobody changes it
    standard_input: str = ""
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = {}  # noqa: RUF012


def script(text: str, *arguments: str, **others) -> Case:
    return Case(["script.py", *arguments], {"script.py": textwrap.dedent(text)}, **others)


RAISES = """
    import numpy as np

    def outer():
        try:
            inner()
        except ZeroDivisionError as error:
            raise ValueError("outer") from error

    def inner():
        return np.zeros(3)[1 // 0]

    outer()
"""

CASES = {
    "output": script("print('hello'); import sys; print('error', file=sys.stderr)"),
    "argv": script("import sys; print(sys.argv)", "a", "--flag", "-m", "--", "", "ä b"),
    "an option of ours": script("import sys; print(sys.argv)", "--pool-limit", "1", "-h"),
    "original argv": script("import sys; print(sys.orig_argv)", "-x"),
    "file": script("print(__file__, __name__, __spec__, __package__)"),
    "globals": script("print(sorted(globals()))"),
    "main module": script("import __main__; print(__main__.__file__, __main__.__loader__ is None)"),
    "path": script("import sys; print(sys.path)"),
    "path with PYTHONPATH": script(
        "import sys; print(sys.path)", environment={"PYTHONPATH": os.pathsep.join(["one", "two"])}
    ),
    "path with the current folder": Case(
        ["folder/script.py"],
        {"folder/script.py": "import sys, beside; print(sys.path)", "beside.py": ""},
        environment={"PYTHONPATH": os.pathsep + "one" + os.pathsep * 2},
    ),
    "NumPy that fails": script(
        "import sys; sys.path.insert(0, 'bad')\ntry: import numpy\nexcept ImportError: print(1)\n"
        "import numpy"
    ),
    "NumPy that warns": script("import sys; sys.path.insert(0, 'warning')\nimport numpy"),
    "another numpy": script("import sys; sys.path.insert(0, 'stub'); import numpy; print(numpy.x)"),
    "NumPy's loader": script("""
        import importlib.util, pickle
        for _ in range(2):
            loader = importlib.util.find_spec("numpy").loader
            print(type(pickle.loads(pickle.dumps(loader))), vars(loader))
        import numpy
        print(type(numpy.__spec__))
    """),
    "finder of others": script("""
        import sys
        class Finder:
            def find_spec(self, name, path=None, target=None):
                print(name) if "." not in name and name in ("numpy", "json") else None
        sys.meta_path[:0] = [Finder()]
        import json, numpy
    """),
    "import beside it": Case(
        ["folder/script.py"], {"folder/script.py": "import beside", "folder/beside.py": "print(1)"}
    ),
    "module": Case(
        ["-m", "tool", "-v", "x"], {"tool.py": "import sys; print(sys.argv[1:], __name__)"}
    ),
    "package": Case(
        ["-m", "pkg", "x"],
        {"pkg/__init__.py": "", "pkg/__main__.py": "import sys; print(sys.argv[1:], __package__)"},
    ),
    "module path": Case(["-m", "tool"], {"tool.py": "import sys; print(sys.path[0] == '')"}),
    "folder": Case(["folder"], {"folder/__main__.py": "import sys; print(sys.argv)"}),
    "module without a space": Case(["-mtool", "x"], {"tool.py": "import sys; print(sys.argv[1:])"}),
    "code without a space": Case(["-cimport sys; print(sys.argv)", "y"]),
    "options of Python": script("import sys; print(sys.flags)")._replace(
        arguments=["-OW", "error", "-X", "dev", "script.py"]
    ),
    "code": Case(["-c", "import sys; print(sys.argv, __name__)", "x", "--pool-limit"]),
    "standard input as program": Case(["-", "x"], {}, "import sys; print(sys.argv)"),
    "no program": Case([], {}, "print(__name__)"),
    "standard input": script("import sys; print(sys.stdin.read()[::-1])", standard_input="abc"),
    "missing script": Case(["missing.py"]),
    "missing module": Case(["-m", "missing_module"]),
    "syntax error": script("print(1\nx ="),
    "status": script("raise SystemExit(3)"),
    "status as text": script("raise SystemExit('went wrong')"),
    "no status": script("raise SystemExit"),
    "quick exit": script("import os; os._exit(7)"),
    "atexit": script("import atexit; atexit.register(print, 'last'); raise SystemExit(2)"),
    "traceback": script(RAISES),
    "error in a thread": script("""
        import threading
        thread = threading.Thread(target=lambda: 1 / 0, name="worker")
        thread.start()
        thread.join()
    """),
    "error in a thread with NumPy": script("""
        import threading, numpy as np
        thread = threading.Thread(target=lambda: np.zeros(2)[2], name="worker")
        thread.start()
        thread.join()
    """),
    "unraisable": script("class A:\n    def __del__(self): 1 / 0\ndel A"),
    "warning": script("import warnings; warnings.warn('careful')"),
    "warning as error": script(
        "import warnings; warnings.warn('careful')", flags=("-W", "error::UserWarning")
    ),
    "flags": script("import sys; print(sys.flags, sys.warnoptions)", flags=("-O", "-X", "dev")),
    "NumPy's warning": script("import numpy as np; print(np.ones(1) / np.zeros(1))"),
    "import of NumPy": script("""
        import numpy as np
        print(type(np.__loader__), vars(np.__loader__), np.__spec__.origin, np.__file__)
    """),
    "import of a part of NumPy": script("import numpy.linalg as l; print(l.norm([3, 4]))"),
    "meta path": script("import numpy, sys; print(*map(type, sys.meta_path))"),
    "environment": script("import os; print(os.environ.get('ZEROFILL_DECAY'))"),
    "memory error": script("import numpy as np; np.ones(1 << 50, 'u1')"),
    "sitecustomize": script(
        "import sitecustomize; print(sitecustomize.value)",
        environment={"PYTHONPATH": "site"},
    ),
    "spawn": script("""
        import multiprocessing, sys
        def show(queue):
            queue.put((sys.argv, sys.path))
        if __name__ == "__main__":
            context = multiprocessing.get_context("spawn")
            queue = context.SimpleQueue()
            process = context.Process(target=show, args=(queue,))
            process.start()
            print(queue.get(), process.join())
    """),
}
SITES = {
    "site/sitecustomize.py": "value = 5",
    "failing/sitecustomize.py": "1 / 0",
    "bad/numpy/__init__.py": "raise ImportError('no good')",
    "warning/numpy/__init__.py": "import warnings; warnings.warn('old', stacklevel=2)",
    "stub/numpy/__init__.py": "x = 1",
}
SIGNALS = {
    name: script(text)
    for name, text in {
        "interrupt": "import os, signal; os.kill(os.getpid(), signal.SIGINT); input()",
        "interrupt handled": """
            import os, signal
            try:
                os.kill(os.getpid(), signal.SIGINT)
                input()
            except KeyboardInterrupt:
                print("caught")
        """,
        "interrupt in NumPy": """
            import numpy as np, os, signal
            a = np.ones(1000)
            os.kill(os.getpid(), signal.SIGINT)
            while True:
                a + a
        """,
        "terminate": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "crash": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "dispositions": """
            import signal
            for number in signal.valid_signals():
                print(number, signal.getsignal(number))
        """,
        "no reader": "import os, sys; os.close(1); print('lost')",
    }.items()
}


def run(case, folder, through):
    for name, text in {**SITES, **case.files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, *case.flags, *through, *case.arguments]
    environment = {**os.environ, "PYTHONWARNINGS": "", **case.environment}
    result = subprocess.run(
        command,
        input=case.standard_input.encode(),
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_program_behaves_as_under_python(case, tmp_path):
    assert run(case, tmp_path, RUN) == run(case, tmp_path, [])


@posix
@pytest.mark.parametrize("case", SIGNALS.values(), ids=SIGNALS)
def test_a_program_gets_signals_as_under_python(case, tmp_path):
    assert run(case, tmp_path, RUN) == run(case, tmp_path, [])


@pytest.mark.parametrize(
    "flags", [["-mzerofill"], ["-um", "zerofill"], ["-bW", "error", "-m", "zerofill"]]
)
def test_options_of_python_stand_together(flags, tmp_path):
    case = script("import sys; print(sys.argv, sys.warnoptions)", "x")
    plain = ["-bW", "error"] if "-bW" in flags else []
    assert run(case, tmp_path, [*flags, "run"]) == run(case, tmp_path, plain)


@posix
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream(closed, tmp_path):
    def status(words):
        command = f"{sys.executable} {words} -c pass {closed}"
        return subprocess.run(command, shell=True, cwd=tmp_path, check=False).returncode

    assert status("-m zerofill run") == status("")


@posix
def test_a_signal_from_outside_reaches_the_program(tmp_path):
    code = "import time; print('ready', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, *RUN, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    process.stdout.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pool-limit", "much", "x.py"], "a size such as '2GiB', or None, got 'much'"),
        (["--num-threads=0", "x.py"], "num_threads must be an integer from 1 to"),
        (["--decay", "-1", "x.py"], "decay"),
        (["--scrub=maybe", "x.py"], "auto, 1 or 0, got 'maybe'"),
        (["--nope", "x.py"], "--nope"),
        (["-E", "x.py"], "-E, -I and -S"),
        (["-bI", "x.py"], "-E, -I and -S"),
    ],
)
def test_wrong_options_are_named(arguments, words, tmp_path):
    status, output, errors = run(Case(arguments), tmp_path, RUN)
    assert (status, output) == (2, b"")
    assert words in errors.decode()


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_python_must_look_at_its_environment(flag):
    code = f"""if True:
        import sys
        sys.path[:] = {sys.path}
        from zerofill.cli import main
        sys.exit(main(["run", "-c", ""]))
    """
    command = [sys.executable, flag, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert "-E, -I and -S" in result.stderr


@pytest.mark.own_memory
def test_numpy_that_a_pth_file_has_imported(tmp_path):
    """As such a file does: NumPy is there before sitecustomize is."""
    startup = launch.environment_of_run({}, {})["PYTHONPATH"]
    code = f"""if True:
        import sys
        sys.path[:] = {sys.path}
        import numpy as np
        sys.path.insert(0, {startup!r})
        import sitecustomize
        print(np._core.multiarray.get_handler_name(np.ones(3)))
    """
    output = subprocess.check_output([sys.executable, "-S", "-c", code], cwd=tmp_path)
    assert output.split() == [b"zerofill"]


def test_options_reach_the_program(tmp_path):
    case = script("import zerofill; print(zerofill.configure())")
    options = ["--num-threads", "1", "--pool-limit", "2GiB", "--decay=3", "--audit=on"]
    status, output, _ = run(case, tmp_path, [*RUN, *options])
    assert status == 0
    assert b"num_threads=1, pool_limit=2147483648, decay=3.0" in output
    assert b"audit=True" in output


USES = """
    import asyncio, multiprocessing, subprocess, sys, threading
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

    early = ThreadPoolExecutor(1)
    early.submit(int).result()  # its thread is older than NumPy's import

    import numpy as np
    from numpy._core.multiarray import get_handler_name

    def handlers(size=1 << 20):
        arrays = [np.zeros(size), np.empty(size), np.arange(size), np.ones(size) + 1]
        arrays.append(arrays[0].astype("f4"))
        return [get_handler_name(array) for array in arrays]

    def in_processes(method):
        context = multiprocessing.get_context(method)
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            return [name for names in pool.map(handlers, [1 << 20] * 4) for name in names]

    def main():
        found = {"main": handlers(), "early thread": early.submit(handlers).result()}
        with ThreadPoolExecutor(2) as pool:
            found["thread pool"] = sum(pool.map(handlers, [1 << 20] * 4), [])
        thread_names = []
        thread = threading.Thread(target=lambda: thread_names.extend(handlers()))
        thread.start()
        thread.join()
        found["thread"] = thread_names
        found["to_thread"] = asyncio.run(asyncio.to_thread(handlers))
        for method in multiprocessing.get_all_start_methods():
            found[method] = in_processes(method)
        code = "import script; print(*script.handlers())"
        output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        found["subprocess"] = output.stdout.split()
        for name, names in found.items():
            print(name, len(names), set(names))

    if __name__ == "__main__":
        main()
"""


@pytest.mark.own_memory
def test_every_array_of_every_thread_and_process_is_zerofills(tmp_path):
    status, output, errors = run(script(USES), tmp_path, RUN)
    assert (status, errors) == (0, b"")
    lines = output.decode().splitlines()
    assert len(lines) >= 8
    assert all(line.endswith("{'zerofill'}") for line in lines), lines


def test_an_error_of_a_sitecustomize_is_shown_as_under_python(tmp_path):
    """And once more by the Python that the command itself runs in."""
    case = script("print(1)", environment={"PYTHONPATH": "failing"})
    status, output, errors = run(case, tmp_path, [])
    assert run(case, tmp_path, RUN) == (status, output, errors * 2)


def test_what_does_not_import_numpy_imports_little(tmp_path):
    """Beside the file itself, no module is loaded that Python has not loaded at its start."""
    case = script("import sys; print(len(sys.modules), 'zerofill' in sys.modules)")
    _, plain, _ = run(case, tmp_path, [])
    _, ours, _ = run(case, tmp_path, RUN)
    modules, loaded = ours.split()
    assert loaded == b"False"
    assert int(modules) <= int(plain.split()[0]) + 1


@pytest.mark.own_memory
def test_a_program_may_look_for_numpy_before_it_imports_it(tmp_path):
    case = script("""
        import importlib.util, sys
        assert importlib.util.find_spec("numpy") is not None
        assert importlib.util.find_spec("numpy.linalg") is not None
        import numpy as np
        importlib.reload(np)
        print(np._core.multiarray.get_handler_name(np.ones(3)))
        print(any("sitecustomize" in type(finder).__module__ for finder in sys.meta_path))
    """)
    _, output, _ = run(case, tmp_path, RUN)
    assert output.split() == [b"zerofill", b"False"]


def test_a_python_that_lacks_zerofill_is_left_alone(tmp_path):
    case = script("import sys; sys.modules['zerofill'] = None; import numpy; print('good')")
    status, output, errors = run(case, tmp_path, RUN)
    assert (status, output.split(), errors) == (0, [b"good"], b"")
