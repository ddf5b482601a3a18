"""joblib under ``zerofill run``: its processes and its threads."""

import pytest
from unedited import output_of

PROGRAM = """
    import sys
    from counting import handlers
    from joblib import Parallel, delayed

    if __name__ == "__main__":
        found = Parallel(n_jobs=2, backend=sys.argv[1])(delayed(handlers)() for _ in range(6))
        print(len(found), set().union(*found))
"""


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_workers_use_zerofill(backend, tmp_path):
    assert output_of(tmp_path, PROGRAM, backend) == "6 {'zerofill'}\n"
