"""The advice that `info` gives to make zerofill faster."""

import pytest

import zerofill
from zerofill import diagnostics, runtime

pytestmark = [pytest.mark.own_memory, pytest.mark.thread_unsafe]

GOOD = {
    "system": "Linux 6.18.0",
    "cpus": 4,
    "usable_cpus": 4,
    "huge_page_bytes": 2 << 20,
    "huge_page_policy": "madvise",
    "shared_huge_page_policy": "advise",
    "shared_huge_pages": True,
}
OPTIONS = {"num_threads": 4, "pool_limit": None, "decay": 10.0, "scrub": "auto", "audit": False}


def advice(found=None, **values):
    options = {
        name: {"value": value, "origin": "default"} for name, value in {**OPTIONS, **values}.items()
    }
    return diagnostics.advice({**GOOD, **(found or {})}, options)


def test_a_good_machine_needs_nothing():
    assert advice() == []


NO_HUGE = {"huge_page_bytes": 0, "huge_page_policy": "never"}


@pytest.mark.parametrize(
    ("found", "values", "words"),
    [
        (NO_HUGE, {}, ["write madvise to /sys/kernel/mm/transparent_hugepage/enabled"]),
        ({**NO_HUGE, "huge_page_policy": "prctl never"}, {}, ["PR_SET_THP_DISABLE"]),
        ({**NO_HUGE, "huge_page_policy": "unsupported"}, {}, ["CONFIG_TRANSPARENT_HUGEPAGE"]),
        ({**NO_HUGE, "system": "Linux 5.4.0-generic"}, {}, ["switched off", "Linux 5.14"]),
        ({"shared_huge_page_policy": "never"}, {}, []),
        (
            {"shared_huge_page_policy": "never", "shared_huge_pages": False},
            {},
            ["write advise to /sys/kernel/mm/transparent_hugepage/shmem_enabled"],
        ),
        ({"shared_huge_page_policy": "deny", "shared_huge_pages": False}, {}, ["shared=True"]),
        ({"shared_huge_page_policy": "unsupported", "shared_huge_pages": False}, {}, []),
        ({"usable_cpus": 2}, {"num_threads": 2}, ["Only 2 of this machine's 4 CPUs"]),
        ({}, {"num_threads": 2}, ["num_threads is 2, and 4 CPUs may be used"]),
        ({}, {"num_threads": 8}, ["num_threads is 8, and only 4 CPUs"]),
        ({"cpus": 1, "usable_cpus": 1}, {"num_threads": 1}, ["not zeroed in the background"]),
        ({}, {"pool_limit": 0}, ["pool_limit is 0"]),
        ({}, {"decay": 0.0}, ["decay is 0"]),
        ({}, {"scrub": False}, ["scrub is off"]),
        ({}, {"audit": True}, ["audit is on"]),
    ],
)
def test_what_is_missing_is_named(found, values, words):
    sentences = advice(found, **values)
    assert len(sentences) == len(words)
    for sentence, part in zip(sentences, words, strict=True):
        assert part in sentence


def test_other_systems_are_not_told_of_linuxs_switches():
    assert advice({**NO_HUGE, "system": "Darwin 25.0", "huge_page_policy": "unsupported"}) == []


def test_where_an_option_comes_from(monkeypatch):
    before = zerofill.configure()
    monkeypatch.setattr(runtime, "_origins", {})
    assert set(runtime.option_origins().values()) == {"default"}
    try:
        runtime.configure_from_environment({"ZEROFILL_DECAY": "3"})
        zerofill.configure(audit=True)
        chosen = diagnostics.effective_options()
    finally:
        zerofill.configure(**before._asdict())
    assert chosen["decay"] == {"value": 3.0, "origin": "ZEROFILL_DECAY"}
    assert chosen["audit"] == {"value": True, "origin": "configure()"}
    assert chosen["scrub"]["origin"] == "default"
