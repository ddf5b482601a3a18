"""Run Python programs that nobody edits, with NumPy on zerofill in every process of theirs."""

import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

__all__ = ["environment_of_run", "python_command", "run_python"]

_STARTUP = pathlib.Path(__file__).parent / "startup"


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
    folders = [folder for folder in environment.get("PYTHONPATH", "").split(os.pathsep) if folder]
    if str(_STARTUP) not in folders:
        folders.insert(0, str(_STARTUP))
    return {**environment, **variables, "PYTHONPATH": os.pathsep.join(folders)}


def python_command(program: Sequence[str]) -> list[str]:
    """Return the command that runs a program as this Python would, with its options.

    Parameters
    ----------
    program : sequence of str
        What follows ``python``: a script and its arguments, ``-m`` and a module, and so on.

    Raises
    ------
    ValueError
        If this Python was started so that it does not look at ``PYTHONPATH`` or ``sitecustomize``.
    """
    if sys.flags.ignore_environment or sys.flags.no_site:
        raise ValueError(
            "Python's options -E, -I and -S keep zerofill from reaching the program: leave them out"
        )
    return [sys.executable, *_python_options(sys.orig_argv[1:]), *program]


def _python_options(arguments: Sequence[str]) -> list[str]:
    """Return the options of Python itself among its arguments: all before the program."""
    options: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-") or argument in ("-", "-c", "-m"):
            break
        options.append(argument)
        if argument in ("-W", "-X", "--check-hash-based-pycs"):
            options += [next(rest)]
    return options


def run_python(program: Sequence[str], environment: Mapping[str, str]) -> int:
    """Become a Python process that runs a program.

    Returns
    -------
    int
        The exit status, on Windows, where a process cannot become another one.
    """
    command = python_command(program)
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":
        return subprocess.call(command, env=environment)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as it was before this Python ignored it
    os.execve(command[0], command, environment)
