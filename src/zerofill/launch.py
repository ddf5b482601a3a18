"""Run Python programs that nobody edits, with NumPy on zerofill in every process of theirs."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence

__all__ = [
    "environment_of_run",
    "environment_without_run",
    "pidfd",
    "python_command",
    "run_python",
    "signals_deferred",
]

_STARTUP = str(pathlib.Path(__file__).parent / "startup")


def environment_of_run(
    environment: Mapping[str, str], variables: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment in which a Python process has NumPy use zerofill.

    Parameters
    ----------
    environment : mapping of str to str
        What it is without that, such as ``os.environ``.
    variables : mapping of str to str
        More of it: options of zerofill, as ``ZEROFILL_...``.

    Returns
    -------
    dict of str to str
        Processes that are started with it, or with a copy, have theirs use zerofill too.
    """
    found = environment_without_run(environment)
    # An empty folder in the middle is the current one, so they are not taken apart.
    folders = found.get("PYTHONPATH")
    found["PYTHONPATH"] = f"{_STARTUP}{os.pathsep}{folders}" if folders else _STARTUP
    return {**found, **variables}


def environment_without_run(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as it is outside of ``zerofill run``."""
    found = dict(environment)
    folders = found.get("PYTHONPATH", "")
    if folders == _STARTUP:
        del found["PYTHONPATH"]
    elif folders.startswith(_STARTUP + os.pathsep):
        found["PYTHONPATH"] = folders.removeprefix(_STARTUP + os.pathsep)
    return found


def python_command(program: Sequence[str]) -> list[str]:
    """Return the command that runs a program as this Python would, with its options.

    Parameters
    ----------
    program : sequence of str
        What follows ``python``: options of Python, then a script and its arguments, or ``-m`` and
        a module, and so on.

    Raises
    ------
    ValueError
        If Python would not look at ``PYTHONPATH`` or ``sitecustomize``.
    """
    given = "".join(option for option in _python_options(program) if option[:2] not in ("-W", "-X"))
    if sys.flags.ignore_environment or sys.flags.no_site or set(given) & set("EIS"):
        raise ValueError(
            "Python's options -E, -I and -S keep zerofill from reaching the program: leave them out"
        )
    return [sys.executable, *_python_options(sys.orig_argv[1:]), *program]


def _python_options(arguments: Sequence[str]) -> list[str]:
    """Return the options of Python itself among its arguments: all before the program.

    Letters may stand together: ``-um module`` is ``-u -m module``.
    """
    options: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-") or argument in ("-", "--"):
            break
        if argument.startswith("--"):
            options.append(argument)
            options += [next(rest, "")] if argument == "--check-hash-based-pycs" else []
            continue
        letters = argument[1:]
        first = next((i for i, letter in enumerate(letters) if letter in "cmWX"), len(letters))
        if letters[first : first + 1] in ("c", "m"):
            options += [f"-{letters[:first]}"] if first else []
            break
        options.append(argument)
        if first == len(letters) - 1:  # -W or -X, and its value is the next argument
            options.append(next(rest, ""))
    return options


def run_python(program: Sequence[str], environment: Mapping[str, str]) -> int:
    """Become a Python process that runs a program.

    Returns
    -------
    int
        The exit status, on Windows, where a process cannot become another one.
    """
    command = python_command(program)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it may be closed
            stream.flush()
    if os.name == "nt":
        return subprocess.call(command, env=environment)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as it was before this Python ignored it
    os.execve(command[0], command, environment)


@contextlib.contextmanager
def signals_deferred() -> Iterator[list[int]]:
    """Yield a list that gets the signals that end the command, which do nothing meanwhile."""
    deferred: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield deferred  # no handler runs here
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handled = {number: old for number, old in former.items() if callable(old)}
    for number in handled:
        signal.signal(number, lambda number, frame: deferred.append(number))
    try:
        yield deferred
    finally:
        for number, old in handled.items():
            signal.signal(number, old)


@contextlib.contextmanager
def pidfd(pid: int) -> Iterator[int | None]:
    """Yield a descriptor that can be read when a process has ended (pidfd_open(2)).

    None where it cannot be had: that is Linux's, since 5.3.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
