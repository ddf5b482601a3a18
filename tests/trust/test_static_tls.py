"""zerofill can be imported although other libraries have taken all static TLS of glibc."""

import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.thread_unsafe

# Takes as much of the block for thread-local variables as dlopen(3) may still give out.
LIBRARY = """
extern "C" { __thread char block[SIZE] __attribute__((tls_model("initial-exec")));
char* touch() { return block; } }
"""

CODE = """
import ctypes, pathlib, sys
taken = 0
# The largest first: together they take all but a few bytes of what is left.
for library in sorted(pathlib.Path(sys.argv[1]).iterdir(), key=lambda file: -int(file.stem)):
    try:
        ctypes.CDLL(library)
    except OSError:  # cannot allocate memory in static TLS block
        continue
    taken += int(library.stem)
import numpy as np, zerofill
with zerofill.numpy_allocator():
    assert np.ones(3).sum() == 3
print(taken)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's limit")
def test_import_without_static_tls(tmp_path):
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler is installed")
    source = tmp_path / "library.cpp"
    source.write_text(LIBRARY)
    folder = tmp_path / "libraries"
    folder.mkdir()
    for size in (1 << power for power in range(2, 12)):
        flags = [f"-DSIZE={size}", "-shared", "-fPIC", str(source)]
        subprocess.run([compiler, *flags, "-o", str(folder / f"{size}.so")], check=True)
    command = [sys.executable, "-c", CODE, str(folder)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) >= 1024
