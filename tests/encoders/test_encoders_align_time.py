"""Streams on one grid: signals whose place in time is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.core.errors import DataError
from palate.encoders.alignment import Grid, Stream, align_time


def one(stream: Stream, grid: Grid) -> tuple[list[float], list[bool]]:
    values, present = align_time({"only": stream}, grid)["only"]
    assert values.dtype == np.float32
    assert np.isnan(values[~present]).all()
    return values[:, 0].tolist(), present.tolist()


def test_a_signal_sampled_by_two_clocks_lands_on_the_same_values() -> None:
    grid = Grid(0.0, 0.1, 40)
    even = np.arange(0, 4.001, 1 / 25)
    rng = np.random.default_rng(0)
    uneven = np.sort(np.concatenate([[0.0, 4.0], rng.uniform(0, 4, 400)]))
    signal = np.sin
    found = align_time({"even": Stream(even, signal(even)), "uneven": Stream(uneven, signal(uneven))}, grid)
    for values, present in found.values():
        assert present.all()
        np.testing.assert_allclose(values[:, 0], signal(grid.middles), atol=2e-3)


def test_a_line_is_kept_exactly_by_linear_and_by_mean() -> None:
    times = np.arange(0, 2.0001, 0.01)
    grid = Grid(0.0, 0.25, 8)
    linear, _ = one(Stream(times, 3 * times + 1), grid)
    np.testing.assert_allclose(linear, 3 * grid.middles + 1, rtol=1e-6)
    # windows of 10 ms whose value is the line at their middle
    mean, _ = one(Stream(times[:-1], 3 * (times[:-1] + 0.005) + 1, "mean", lasting=0.01), grid)
    np.testing.assert_allclose(mean, 3 * grid.middles + 1, rtol=1e-6)


@given(st.integers(1, 99), st.integers(-5000, 5000))
def test_a_click_and_a_flash_at_the_same_time_land_in_the_same_cell(tenth: int, late: int) -> None:
    grid = Grid(0.0, 0.1, 100)
    moment = tenth / 10  # on the border of two cells, where rounding could part them
    frames = np.arange(250) / 25
    flash = Stream(frames, (np.abs(frames - moment) < 0.021).astype(float), "mean", lasting=0.04)
    sound = np.arange(1000) / 100
    click = Stream(sound, (np.abs(sound - moment) < 0.001).astype(float), "mean", lasting=0.01)
    event = Stream(np.array([moment - late / 1000]), how="count", offset=late / 1000)
    found = align_time({"flash": flash, "click": click, "event": event}, grid)
    assert int(found["event"][0][:, 0].argmax()) == tenth
    assert int(found["click"][0][:, 0].argmax()) == tenth
    assert found["flash"][0][tenth, 0] > 0


def test_outside_of_what_was_sampled_is_absent() -> None:
    grid = Grid(0.0, 1.0, 5)
    late = Stream(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]), offset=1.5)
    assert one(late, grid) == (pytest.approx([np.nan, 1, 2, 3, np.nan], nan_ok=True), [False, True, True, True, False])
    values, present = one(Stream(late.times, late.values, "nearest", 1.5, reach=0.4), grid)
    assert present == [False, True, True, True, False]
    assert values[1:4] == [1, 2, 3]


def test_a_gap_stays_a_gap() -> None:
    times = np.array([0.5, 1.5, 6.5, 7.5])
    grid = Grid(0.0, 1.0, 8)
    assert one(Stream(times, times, reach=1.0), grid)[1] == [True, True, False, False, False, False, True, True]
    assert all(one(Stream(times, times), grid)[1])
    assert one(Stream(times, times, "mean"), grid)[1] == [True, True, False, False, False, False, True, True]


def test_samples_that_are_not_numbers_were_never_taken() -> None:
    times = np.array([0.0, 0.5, 1.0, np.nan])
    grid = Grid(0.25, 0.5, 1)
    assert one(Stream(times, np.array([0.0, np.nan, 1.0, 5.0])), grid) == ([0.5], [True])
    assert one(Stream(times, np.array([np.nan] * 4)), grid)[1] == [False]
    assert one(Stream(np.array([]), np.array([]), "mean"), grid)[1] == [False]


def test_order_does_not_matter_and_the_nearer_of_two_speaks() -> None:
    times = np.array([2.0, 0.0, 1.0])
    grid = Grid(0.0, 0.5, 4)
    assert one(Stream(times, times, "nearest"), grid)[0] == [0, 1, 1, 2]
    assert one(Stream(times, times), grid)[0] == [0.25, 0.75, 1.25, 1.75]


def test_a_window_counts_in_each_cell_by_what_it_fills() -> None:
    # 1 for 0 … 1.5 s, 5 for 1.5 … 2 s: the second cell is half the one, half the other
    stream = Stream(np.array([0.0, 1.5]), np.array([1.0, 5.0]), "mean", lasting=np.array([1.5, 0.5]))
    assert one(stream, Grid(0.0, 1.0, 3)) == (pytest.approx([1, 3, np.nan], nan_ok=True), [True, True, False])
    assert one(stream, Grid(0.6, 0.5, 1)) == ([1.0], [True])


def test_no_event_is_an_answer_where_somebody_watched() -> None:
    grid = Grid(0.0, 1.0, 4)
    values, present = one(Stream(np.array([1.2, 1.7]), how="count", covers=(1.0, 3.0)), grid)
    assert present == [False, True, True, False]
    assert values[1:3] == [2, 0]
    assert one(Stream(np.array([-3.0, 9.0]), how="count"), grid) == ([0, 0, 0, 0], [True] * 4)


def test_columns_are_aligned_together() -> None:
    values, present = align_time({"x": Stream(np.array([0.0, 1.0]), np.eye(2))}, Grid(0.0, 0.5, 2))["x"]
    np.testing.assert_allclose(values, [[0.75, 0.25], [0.25, 0.75]])
    assert present.all()


def test_a_grid_covers_what_it_is_told() -> None:
    assert Grid.covering(0.0, 0.3, 0.1).size == 3
    assert Grid.covering(1.0, 1.31, 0.1).size == 4
    assert Grid.covering(1.0, 0.5, 0.1).size == 0
    with pytest.raises(DataError, match="step above 0"):
        Grid(0.0, 0.0, 3)
    for end, step in ((float("inf"), 1.0), (float("nan"), 1.0), (1.0, 0.0)):
        with pytest.raises(DataError, match="step above 0"):
            Grid.covering(0.0, end, step)
    assert Grid(0.0, 0.1, 10).cells(np.array([-1e300, 0.3, 1.0, 1e300])).tolist() == [-1, 3, 10, 10]


def test_it_says_what_does_not_fit() -> None:
    with pytest.raises(DataError, match="'only' has 2 times and 1 values"):
        one(Stream(np.array([0.0, 1.0]), np.array([1.0])), Grid(0.0, 1.0, 1))
    with pytest.raises(DataError, match="times and no values"):
        one(Stream(np.array([0.0])), Grid(0.0, 1.0, 1))
    with pytest.raises(DataError, match="by 'median': allowed are linear, nearest, mean, count"):
        one(Stream(np.array([0.0]), np.array([1.0]), "median"), Grid(0.0, 1.0, 1))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="2 times and 2 values and 3 durations"):
        one(Stream(np.arange(2.0), np.arange(2.0), "mean", lasting=np.ones(3)), Grid(0.0, 1.0, 1))
    with pytest.raises(DataError, match="3 axes"):
        one(Stream(np.arange(2.0), np.zeros((2, 2, 2))), Grid(0.0, 1.0, 1))
