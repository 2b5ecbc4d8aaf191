import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.linalg.parallel import cuts_by_work, even_cuts, map_blocks


@given(st.lists(st.integers(0, 1000), max_size=60), st.integers(1, 2000))
def test_cuts_begin_at_zero_end_at_n_and_rise(work, size):
    cuts = cuts_by_work(np.array(work, np.int64), size)
    assert cuts[0] == 0
    assert cuts[-1] == len(work)
    assert cuts == sorted(set(cuts))


@pytest.mark.parametrize("threads", [1, 3, None])
def test_results_come_in_order(threads, monkeypatch):
    monkeypatch.setenv("PALATE_PROGRESS", "off")
    assert map_blocks(lambda start, stop: (start, stop), even_cuts(7, 3), threads, "counting") == [
        (0, 3),
        (3, 6),
        (6, 7),
    ]


def test_a_failure_in_a_thread_comes_out():
    def fail(start, stop):
        raise ValueError(f"at {start}")

    with pytest.raises(ValueError, match="at 0"):
        map_blocks(fail, [0, 1, 2], 2)
