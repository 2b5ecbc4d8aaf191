"""Resampling: tones whose fate is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palate.core.errors import DataError
from palate.encoders.alignment import align_rate


def tone(frequency: float, rate: float, seconds: float = 4.0, phase: float = 0.3) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate + phase)


RATIOS = [(1000, 250), (1000, 160), (44_100, 16_000), (8000, 11_025), (Fraction(30_000, 1001), 25), (25, 10), (25, 24)]


@pytest.mark.parametrize(("rate", "to"), RATIOS)
def test_a_tone_that_fits_keeps_amplitude_and_phase(rate: float, to: float) -> None:
    pitch = 0.4 * float(min(rate, to))
    seconds = 4000 / float(min(rate, to))
    found, present = align_rate(tone(pitch, float(rate), seconds), rate, to)
    wanted = tone(pitch, float(to), len(found) / float(to))
    edge = len(found) // 8
    assert present.all()
    assert np.abs(found - wanted)[edge:-edge].max() < 2e-3


@pytest.mark.parametrize(("rate", "to"), [pair for pair in RATIOS if pair[0] > pair[1]])
@pytest.mark.parametrize("above", [1.01, 1.2])
def test_a_tone_above_the_new_nyquist_vanishes(rate: float, to: float, above: float) -> None:
    pitch = min(above * float(to) / 2, 0.499 * float(rate))
    found, _ = align_rate(tone(pitch, float(rate), 4000 / float(to)), rate, to)
    edge = len(found) // 8
    assert 20 * np.log10(np.abs(found[edge:-edge]).max()) < -80


def test_nothing_new_appears_where_the_rate_rises() -> None:
    found, _ = align_rate(tone(3000, 8000), 8000, 48_000)
    spectrum = np.abs(np.fft.rfft(found * np.hanning(len(found))))
    peak = int(spectrum.argmax())
    assert peak * 48_000 / len(found) == pytest.approx(3000, abs=1)
    spectrum[peak - 50 : peak + 51] = 0
    assert 20 * np.log10(spectrum.max() / (len(found) / 4)) < -60


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 200), st.floats(-5, 5))
def test_a_constant_stays_one_to_the_ends_and_the_size_is_known(rate: int, to: int, size: int, level: float) -> None:
    found, present = align_rate(np.full(size, level), rate, to)
    assert len(found) == len(present) == -(-size * to // rate)
    np.testing.assert_allclose(found, level, atol=1e-3 * max(1, abs(level)))


def test_decimation_takes_every_seventh_of_what_is_slow() -> None:
    series = np.cos(np.arange(7000) * 2 * np.pi / 700)
    found, _ = align_rate(series, 7, 1)
    np.testing.assert_allclose(found[20:-20], series[::7][20:-20], atol=1e-3)


def test_columns_are_series_of_their_own() -> None:
    rng = np.random.default_rng(0)
    both = rng.normal(size=(500, 2))
    together, _ = align_rate(both, 10, 3)
    apart = [align_rate(column, 10, 3)[0] for column in both.T]
    assert together.shape == (150, 2)
    np.testing.assert_allclose(together, np.stack(apart, axis=1), atol=1e-6)


def test_the_same_rate_changes_nothing() -> None:
    series = np.random.default_rng(0).normal(size=50)
    np.testing.assert_allclose(align_rate(series, 3, 3)[0], series, rtol=1e-6)


def test_missing_samples_are_missing_and_disturb_nobody_else() -> None:
    series = np.cos(np.arange(4000) * 2 * np.pi / 400)
    holed = series.copy()
    holed[2000:2020] = np.nan
    found, present = align_rate(holed, 10, 5)
    assert (~present).nonzero()[0].tolist() == list(range(1000, 1010))
    assert np.isnan(found[~present]).all()
    np.testing.assert_allclose(found[present][20:-20], series[::2][present][20:-20], atol=2e-3)
    found, present = align_rate(np.full(10, np.nan), 10, 5)
    assert (len(found), present.any()) == (5, False)


def test_no_samples_are_no_samples() -> None:
    found, present = align_rate(np.zeros((0, 3)), 10, 5)
    assert (found.shape, present.shape) == ((0, 3), (0,))


def test_one_sample_stays_what_it_is() -> None:
    for to in (1, 4, 12):
        found, present = align_rate(np.array([5.0]), 4, to)
        assert present.all()
        assert found == pytest.approx(np.full(max(1, to // 4), 5.0), abs=1e-3)


def test_a_click_stays_where_it_is() -> None:
    click = np.zeros(4001)
    click[2000] = 1
    for rate, to in ((4, 1), (1, 4), (44_100, 16_000)):
        found, _ = align_rate(click, rate, to)
        middle = (found * np.arange(len(found))).sum() / found.sum()
        assert middle / to * rate == pytest.approx(2000, abs=0.01)


def test_a_ratio_that_would_drift_is_refused() -> None:
    series = np.zeros(16_000 * 60)
    with pytest.raises(DataError, match=r"18\.0 results off: cut the series"):  # at 1 to 1 it would come out as it is
        align_rate(series, 16_000, 15_999.7)
    found, _ = align_rate(series[:4000], 16_000, 15_999.7)
    assert len(found) == 4000


def test_it_says_what_is_allowed() -> None:
    with pytest.raises(DataError, match="finite"):
        align_rate(np.zeros(3), 1, float("inf"))
    with pytest.raises(DataError, match="above 0"):
        align_rate(np.ones(3), 0, 1)
    with pytest.raises(DataError, match="3 axes"):
        align_rate(np.ones((3, 3, 3)), 1, 1)
    with pytest.raises(DataError, match="two steps"):
        align_rate(np.ones(3), 1_000_000, 1)
