"""The command line, run in this process and as a program."""

import json
import os
import subprocess
import sys

import pytest

from zerofill import benchmark, cli, diagnostics, runtime
from zerofill.cli.text import parse_size

pytestmark = pytest.mark.thread_unsafe


def test_bench_measures_checks_and_prints(capsys):
    assert cli.main(["bench", "--max-size", "16KiB"]) == 0
    out = capsys.readouterr().out
    for text in ("(3, 3)", "1 KiB", "16 KiB", "np.zeros", "np.full", "below 1, Zeros is faster"):
        assert text in out
    assert "256 KiB" not in out


def test_bench_writes_json(tmp_path, capsys):
    file = tmp_path / "figures.json"
    assert cli.main(["bench", "--max-size", "1024", "--json", str(file)]) == 0
    record = json.loads(file.read_text())
    assert [row["size"] for row in record["seconds"]] == ["(3, 3)", "1 KiB"]
    assert record["seconds"][1]["nbytes"] == 1024
    for row in record["seconds"]:
        for times in (row["call"], row["cycle"]):
            assert times.keys() == {"Zeros", "np.zeros", "np.full"}
            assert all(seconds > 0 for seconds in times.values())
    assert "1 KiB" in capsys.readouterr().out


def test_json_to_standard_output_is_all_there_is(capsys):
    assert cli.main(["bench", "--max-size", "36", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == []


def test_sizes_for_which_memory_is_short_are_left_out_and_named(capsys, monkeypatch):
    short = {**benchmark._zerofill.system_info(), "available_bytes": 30_000}
    monkeypatch.setattr(benchmark._zerofill, "system_info", lambda: short)
    assert cli.main(["bench", "--max-size", "256KiB"]) == 0
    out = capsys.readouterr().out
    assert "256 KiB was left out: not enough memory is free here" in out


@pytest.mark.parametrize(
    ("text", "nbytes"),
    [("4096", 4096), ("4KiB", 4096), ("64 MiB", 64 << 20), ("1g", 1 << 30), ("2GB", 2 << 30)],
)
def test_sizes_are_read(text, nbytes):
    assert parse_size(text) == nbytes


@pytest.mark.parametrize("text", ["", "big", "-1", "1.5GiB", "4XiB"])
def test_what_is_no_size_is_named(text, capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main(["bench", f"--max-size={text}"])
    assert raised.value.code == 2
    assert f"{text!r} is not a size such as" in capsys.readouterr().err


def test_nothing_to_measure(capsys):
    assert cli.main(["bench", "--max-size", "8"]) == 2
    assert "nothing to measure" in capsys.readouterr().err


def test_info(capsys, tmp_path):
    assert cli.main(["info"]) == 0
    out = capsys.readouterr().out
    for text in ("usable CPUs", "huge pages", "available memory", "num_threads "):
        assert text in out
    assert "What would make zerofill faster here:" in out


@pytest.mark.parametrize("arguments", [["--json"], ["--json", "-"]])
def test_info_as_json(arguments, capsys, monkeypatch):
    monkeypatch.setattr(runtime, "_origins", {})
    assert cli.main(["info", *arguments]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["options"]["decay"] == {"value": 10.0, "origin": "default"}
    found = record["machine"]
    assert 1 <= found["usable_cpus"] <= found["cpus"]
    assert len(found["cache_bytes"]) == 3
    assert found["streaming_stores"]
    assert all(isinstance(sentence, str) for sentence in record["advice"])


@pytest.mark.parametrize("command", ["info", "bench --max-size 36", "bench"])
def test_no_line_has_more_than_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    times = dict.fromkeys(("Zeros", "np.zeros", "np.full"), 8.88e-05)  # as wide as they get
    results = (benchmark.Result(case, times, times) for case in benchmark.CASES)
    monkeypatch.setattr(benchmark, "measure", lambda cases: results)
    monkeypatch.setattr(benchmark, "touch_memory", lambda nbytes: None)
    assert cli.main(command.split()) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_info_wraps_where_the_terminal_is_narrow(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr(diagnostics, "advice", lambda report, options: ["word " * 30])
    assert cli.main(["info"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 50


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_person_sees_progress():
    import pty

    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "zerofill", "bench", "--max-size", "36"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    seen = b""
    while True:
        try:
            chunk = os.read(controller, 4096)
        except OSError:  # Linux raises it when the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(controller)
    assert process.wait(60) == 0
    assert b"0/1 measuring" in seen
    assert b"1/1 measured (3, 3)" in seen


def test_it_runs_as_a_module():
    result = subprocess.run(
        [sys.executable, "-m", "zerofill", "bench", "--max-size", "36"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "(3, 3)" in result.stdout
    assert result.stderr == ""


def test_a_file_that_cannot_be_written_is_reported_before_measuring(capsys, tmp_path):
    with pytest.raises(SystemExit):
        cli.main(["bench", "--json", str(tmp_path / "missing" / "figures.json")])
    assert "cannot write to" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell's pipe")
def test_a_reader_that_closes_the_pipe_early():
    command = f"{sys.executable} -u -m zerofill info | true"
    result = subprocess.run(command, shell=True, capture_output=True, timeout=60, check=False)
    assert result.stderr == b""
