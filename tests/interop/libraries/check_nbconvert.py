"""nbconvert under ``zerofill run``: a notebook is executed by a kernel in a process of its own."""

import json
import subprocess
import sys

import nbformat

CELLS = [
    "import numpy as np; a = np.ones(1 << 20) + 1",
    "from numpy._core.multiarray import get_handler_name; print(get_handler_name(a))",
    "print(get_handler_name(np.zeros(1 << 20)))",
]


def test_a_notebook_uses_zerofill(tmp_path):
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "book.ipynb")
    command = [sys.executable, "-m", "zerofill", "run", "-m", "jupyter", "nbconvert"]
    command += ["--to", "notebook", "--execute", "--output", "done.ipynb", "book.ipynb"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-5000:]
    notebook = json.loads((tmp_path / "done.ipynb").read_text())
    printed = [output["text"] for cell in notebook["cells"] for output in cell["outputs"]]
    assert [line for text in printed for line in text] == ["zerofill\n"] * 2
