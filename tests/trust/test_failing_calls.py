"""Invariant 6: every failure is atomic: a MemoryError or a fallback that works, and no leak."""

import importlib.util

import pytest

KINDS = ["mmap", "munmap", "mremap", "madvise", "pthread_create", "malloc", "new", "fopen"]


@pytest.mark.own_memory
@pytest.mark.parametrize("kind", KINDS)
def test_the_nth_call_fails(preload, run_script, kind):
    failed = int(run_script("failing_calls.py", kind, environment=preload))
    assert failed >= 1  # or nothing was made to fail


@pytest.mark.skipif(importlib.util.find_spec("_testcapi") is None, reason="needs CPython's tests")
def test_the_nth_allocation_of_pythons_fails(run_script):
    assert int(run_script("failing_calls.py", "python")) >= 100
