"""Invariant 14: hostile arguments raise documented exceptions, and do no other harm."""


def test_nothing_breaks(run_script, count):
    run_script("hostile.py", count(20_000, 1_000_000), timeout=3600)


def test_no_dlpack_record_leads_outside_of_its_memory(run_script, count):
    run_script("hostile_dlpack.py", count(20_000, 1_000_000), timeout=3600)
