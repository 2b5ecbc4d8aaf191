"""`series`: numbers from cells and files, statistics of known signals, and MiniRocket against its definition."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError
from palate.encoders import BrokenInput, EmptyInput
from palate.encoders._minirocket import Plan, convolved, fit_biases, proportions
from palate.encoders._numbers import read_row
from palate.encoders._series_statistics import NAMES, filled, statistics
from palate.encoders.series import Series

RNG = np.random.default_rng(4)


def told(series: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, statistics(series.astype(np.float64), 0.0).tolist(), strict=True))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("[1, null, 3]", [1, np.nan, 3]), ("1,2,,4", [1, 2, np.nan, 4]), ("1.5 2.5", [1.5, 2.5]), ("-3e2", [-300]),
        ("1,5; 2,5;-,5", [1.5, 2.5, -0.5]), ("1;n/a;3", [1, np.nan, 3]), ("[1, NaN, Infinity]", [1, np.nan, np.nan]), ("[[1], [2]]", [1, 2]),
    ],
)  # fmt: skip
def test_cells_are_read(cell: str, expected: list[float]) -> None:
    np.testing.assert_array_equal(read_row(cell), expected)


@pytest.mark.parametrize("cell", ["up and down", "[1, 2", '[{"a": 1}]', "[[1, 2], [3]]", "1, two", "1,299; 2"])
def test_a_cell_of_something_else_is_broken(cell: str) -> None:
    with pytest.raises(BrokenInput, match=r"number|list"):
        Series().decode(cell)


def test_files_are_read(tmp_path: Path) -> None:
    def of(name: str, text: str) -> list[float]:
        (tmp_path / name).write_text(text)
        return read_row(tmp_path / name).tolist()

    assert of("dated.csv", "date,price\n2026-01-01,3\n2026-01-02,4.5\n") == [3, 4.5]
    assert of("decimals.csv", "Tag;Preis\n2026-01-01;3,5\n2026-01-02;4,25\n") == [3.5, 4.25]
    assert of("row.csv", "1,2,3") == [1, 2, 3]
    assert of("once.csv", "time,plays\n1700000000,5\n") == [5]
    assert of("column.txt", "\ufeff1\n2\n") == [1, 2]
    assert of("list.json", "[1, 2.5]") == [1, 2.5]
    np.save(tmp_path / "a.npy", np.array([3, 4], np.int16))
    assert read_row(tmp_path / "a.npy").tolist() == [3, 4]
    np.save(tmp_path / "objects.npy", np.array([{}, 1], object), allow_pickle=True)
    with pytest.raises(BrokenInput, match="NPY"):
        read_row(tmp_path / "objects.npy")
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-3])
    with pytest.raises(BrokenInput, match="NPY"):
        read_row(tmp_path / "cut.npy")
    for nothing in (" \n", "\ufeff"):
        (tmp_path / "blank").write_text(nothing)
        with pytest.raises(EmptyInput, match="empty"):
            read_row(tmp_path / "blank")


def test_gaps_are_filled_on_straight_lines_and_counted() -> None:
    series, gaps = filled(np.array([np.nan, 1, np.nan, 3, np.nan]))
    assert series.tolist() == [1, 1, 2, 3, 3]
    assert gaps == pytest.approx(0.6)
    assert Series().decode("[null, null]") is None
    assert Series().decode(", ,") is None


def test_statistics_of_known_signals() -> None:
    time = np.arange(240)
    wave, line, noise = np.sin(2 * np.pi * time / 12), 3.0 * time + 7, RNG.normal(size=4000)
    assert told(line)["trend"] == pytest.approx(1, abs=1e-5)
    assert told(-line)["trend"] == pytest.approx(-1, abs=1e-5)
    assert told(wave)["peak frequency"] == pytest.approx(1 / 12)
    assert told(wave)["autocorrelation 12"] > 0.9
    assert told(wave)["spectral entropy"] < 0.2 < 0.85 < told(noise)["spectral entropy"]
    assert abs(told(noise)["skewness"]) < 0.15 < 1.5 < told(np.exp(noise))["skewness"]
    assert told(noise)["crossings of the mean"] == pytest.approx(0.5, abs=0.05)
    assert told(noise)["turning points"] == pytest.approx(2 / 3, abs=0.03)  # Bienaymé
    assert told(np.ones(9))["equal neighbours"] == 1


def test_only_level_and_spread_know_the_unit() -> None:
    signal = np.cumsum(RNG.normal(size=100))
    once, other = told(signal), told(1000 * signal - 50)
    unlike = {name for name in NAMES if not np.isclose(once[name], other[name], atol=1e-4)}
    assert unlike == {"level", "spread"}


def test_the_convolutions_are_those_of_the_definition() -> None:
    series = RNG.normal(size=50).astype(np.float32)
    for dilation in (1, 2, 5):
        outputs = convolved(series, dilation)
        for place, twos in enumerate(combinations(range(9), 3)):
            kernel = np.full(9, -1.0)
            kernel[list(twos)] = 2
            wide = np.zeros(8 * dilation + 1)
            wide[::dilation] = kernel
            expected = np.correlate(np.pad(series, 4 * dilation), wide, "valid")
            np.testing.assert_allclose(outputs[place], expected, atol=1e-4)


def test_the_plan_is_that_of_the_paper() -> None:
    plan = Plan.of(150, 9996)
    assert (sum(plan.shares), plan.dilations[0], max(plan.dilations)) == (
        119,
        1,
        18,
    )  # 9 values, 18 apart, span 145 of 150
    assert Plan.of(5, 168) == Plan((1,), (2,))


def test_shares_are_of_outputs_above_levels() -> None:
    series = RNG.normal(size=60).astype(np.float32)
    plan = Plan.of(60, 84 * 4)
    biases = fit_biases([series], plan, np.random.default_rng(0))
    found = proportions(series, biases, plan)
    assert found.shape == biases.shape == (84 * 4,)
    start = 0
    for order, (dilation, share) in enumerate(zip(plan.dilations, plan.shares, strict=True)):
        for kernel, output in enumerate(convolved(series, dilation)):
            seen = output if (order + kernel) % 2 == 0 else output[4 * dilation : -4 * dilation]
            for _ in range(share):
                assert found[start] == pytest.approx((seen > biases[start]).mean(), abs=1e-6)
                start += 1


def test_vectors_know_shape_and_not_unit_and_tell_kinds_apart() -> None:
    def drawn(kind: int) -> np.ndarray:
        time, phase = np.arange(80), RNG.uniform(0, 6)
        clean = [np.sin(time / 4 + phase), np.sign(np.sin(time / 4 + phase)), (time / 4 + phase) % 1.57][kind]
        return (clean + 0.3 * RNG.normal(size=80)) * np.exp(RNG.normal()) + RNG.normal()

    kinds = np.tile([0, 1, 2], 40)
    cells = [str(drawn(kind).tolist()) for kind in kinds]
    encoder = Series(statistics=False).fit(cells)
    values, _ = encoder.encode([encoder.decode(cell) for cell in cells])
    distance = np.linalg.norm(values[:, None] - values[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (kinds[distance.argmin(axis=1)] == kinds).mean() > 0.9
    some = drawn(0)
    pair, _ = encoder.encode([encoder.decode(str(series.tolist())) for series in (some, some * 40 + 3)])
    assert np.abs(pair[0] - pair[1]).max() < 0.02


def test_one_value_and_a_million_are_series_too() -> None:
    encoder = Series(max_length=100)
    long = encoder.decode(str(list(range(1001))))
    assert long is not None
    assert len(long.series) <= 100
    assert long.series.mean() == pytest.approx(500, abs=6)
    encoder.fit(["1", "2 3", "[4, 5, 9, 1]"])
    values, present = encoder.encode([encoder.decode("5"), None, long])
    assert present.tolist() == [True, False, True]
    assert np.isfinite(values).all()


@pytest.mark.parametrize("series", ["1 2 3", "5 5 5"])
def test_series_that_are_all_the_same_do_not_become_zeros(series: str) -> None:
    encoder = Series().fit([series] * 2)
    values, present = encoder.encode([encoder.decode(series), encoder.decode("3 1 4 1")])
    assert present.all()
    assert np.linalg.norm(values[0]) > 0.1 < np.linalg.norm(values[0] - values[1])


def test_settings_and_state_are_checked() -> None:
    with pytest.raises(ConfigError, match="multiple of 84"):
        Series(kernels=100)
    with pytest.raises(ConfigError, match="nothing is left"):
        Series(kernels=0, statistics=False)
    with pytest.raises(DataError, match="fit it"):
        Series().encode([Series().decode("1 2")])
    with pytest.raises(DataError, match="none of the 1 rows"):
        Series().fit(["high"])
    with pytest.raises(ConfigError, match="seed"):
        Series(seed=-1)
