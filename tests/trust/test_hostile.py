"""Promise 14: wrong, odd and lying arguments end in a documented exception, and in nothing else."""


def test_nothing_breaks(run_script, count):
    run_script("hostile.py", count(20_000, 1_000_000), timeout=3600)
