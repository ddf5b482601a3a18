"""joblib: its processes and threads under ``zerofill run``, and arrays that they share."""

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


SHARED = """
    import importlib, sys
    import zerofill

    def fill(row, value):
        row[...] = value
        return row

    if __name__ == "__main__":
        if sys.argv[2] == "before":
            import joblib
        results = zerofill.zeros((6, 1 << 18), shared=True)
        import joblib
        tasks = (joblib.delayed(fill)(row, i) for i, row in enumerate(results))
        rows = joblib.Parallel(n_jobs=2, backend=sys.argv[1])(tasks)
        print(results[:, -1].tolist(), all(row.base is results.base for row in rows))
"""


@pytest.mark.parametrize("imported", ["before", "after"])
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_workers_fill_a_shared_array(backend, imported, tmp_path):
    filled = "[0.0, 1.0, 2.0, 3.0, 4.0, 5.0] True\n"
    shared = output_of(tmp_path, SHARED, backend, imported)
    assert shared == filled if backend != "threading" else shared.startswith(filled[:30])
