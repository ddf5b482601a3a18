"""threadpoolctl lists zerofill's worker threads and limits their number."""

import pytest

import zerofill

threadpoolctl = pytest.importorskip("threadpoolctl")

import zerofill.interop.threadpoolctl  # noqa: E402


@pytest.fixture(autouse=True)
def three_threads():
    before = zerofill.configure().num_threads
    zerofill.configure(num_threads=3)
    yield
    zerofill.configure(num_threads=before)


def test_it_is_seen():
    found = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "zerofill"]
    assert len(found) == 1
    assert found[0]["num_threads"] == 3
    assert found[0]["version"] == zerofill.__version__


@pytest.mark.parametrize("arguments", [{"limits": 1}, {"limits": {"zerofill": 1}}])
def test_it_is_limited_for_a_while(arguments):
    with threadpoolctl.threadpool_limits(**arguments):
        assert zerofill.configure().num_threads == 1
        assert not zerofill.zeros(64 << 20, "u1").any()
    assert zerofill.configure().num_threads == 3


def test_a_limit_for_others_is_not_for_it():
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        assert zerofill.configure().num_threads == 3
