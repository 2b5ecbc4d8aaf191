"""Series of numbers, as of a sensor, of prices or of plays a day: statistics and a fixed random convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.state import State
from palate.core.types import Floats
from palate.encoders._base import BrokenInput, Encoder
from palate.encoders._minirocket import Plan, fit_biases, proportions
from palate.encoders._numbers import Numbers, read_row
from palate.encoders._series_statistics import NAMES, filled, standardised, statistics
from palate.interfaces import Raw

_SAMPLE = 1000
"""Series that are learned from, at most."""
_CLIP = 5.0


class SeriesConfig(Config):
    """Settings of `series`."""

    kernels: int = Field(default=672, ge=0, le=84 * 512, multiple_of=84)
    """Numbers by MiniRocket, a multiple of 84; 0 for none."""
    statistics: bool = True
    """Whether the statistics are there too."""
    max_length: int = Field(default=4096, ge=9)
    """A longer series is averaged over blocks of equal length, so that it has at most so many values."""
    seed: int = Field(default=0, ge=0)
    """Of the series that are drawn to learn from."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.kernels or self.statistics):
            raise ValueError("with kernels=0 and statistics=false nothing is left: take either")
        return self


class Values(NamedTuple):
    """A series without gaps, and the share of those that were filled."""

    series: Numbers
    gaps: float


class Series(Encoder[SeriesConfig]):
    """A series of numbers of any length: 30 statistics of its shape and, by MiniRocket, 672 shares of convolutions.

    Dempster, Schmidt and Webb 2021, arXiv:2012.08791: 84 kernels of length 9 with weights -1 and 2, dilated; each number is the
    share of an output that is above a quantile learned from the catalogue. The dilations are those for the median length
    there. The series is brought to mean 0 and deviation 1 before, so that these numbers know no unit; what its unit is worth is
    among the statistics (`_series_statistics.NAMES`). Both blocks are standardised over the catalogue, cut at 5 deviations,
    and divided by the square root of their width, so that they weigh the same. Where all series are the same, nothing is
    taken off, lest they become zeros.

    Missing data:
        Gaps inside a series are filled on straight lines, and their share is a statistic; a series of gaps only is missing.
    """

    name = "series"
    modality = "series"
    version = 3
    config_type = SeriesConfig
    batch = 64
    learns = True

    plan: Plan
    biases: Floats
    mean: Floats | None = None
    scale: Floats

    @property
    def dim(self) -> int:
        """The statistics and the kernels."""
        return len(NAMES) * self.config.statistics + self.config.kernels

    def decode(self, raw: Raw) -> Values | None:
        """Return the series of a cell or a file, without gaps.

        Raises:
            BrokenInput: it holds something else than numbers.
        """
        values = read_row(raw)
        if not np.isfinite(values).any():
            return None
        series, gaps = filled(values)
        blocks = -(-len(series) // self.config.max_length)
        if blocks > 1:
            starts = np.arange(0, len(series), blocks)
            series = np.add.reduceat(series, starts) / np.diff([*starts, len(series)])
        return Values(series, gaps)

    def fit(self, raw: Sequence[Raw | None]) -> Self:
        """Learn the levels of the convolutions, and what each number is like in the catalogue.

        Raises:
            DataError: there is no series.
        """
        rng = np.random.default_rng(self.config.seed)
        there = [row for row, entry in enumerate(raw) if entry is not None]
        chosen = sorted(rng.choice(there, _SAMPLE, replace=False).tolist()) if len(there) > _SAMPLE else there
        found = [values for row in chosen if (values := self._decoded(raw[row])) is not None]
        if not found:
            raise DataError(f"series learns from numbers, and none of the {len(there)} rows has one")
        length = int(np.median([len(values.series) for values in found]))
        if self.config.kernels:
            self.plan = Plan.of(length, self.config.kernels)
            self.biases = fit_biases([standardised(values.series) for values in found], self.plan, rng)
        numbers = np.stack([self._numbers(values) for values in found]).astype(np.float64)
        spread = numbers.std(axis=0)
        differs = spread > 1e-6
        self.scale = np.where(differs, spread, 1).astype(np.float32)
        self.mean = (numbers.mean(axis=0) if differs.any() else np.zeros(len(spread))).astype(np.float32)
        return self

    def _decoded(self, raw: Raw | None) -> Values | None:
        try:
            return None if raw is None else self.decode(raw)
        except BrokenInput:
            return None

    def _numbers(self, values: Values) -> Floats:
        blocks = [statistics(*values)] if self.config.statistics else []
        if self.config.kernels:
            blocks.append(proportions(standardised(values.series), self.biases, self.plan))
        return np.concatenate(blocks)

    def _encode(self, batch: Sequence[Values]) -> Floats:
        if self.mean is None:
            raise DataError("series has learned no levels yet: fit it on the series of a catalogue first")
        numbers = np.clip(
            (np.stack([self._numbers(values) for values in batch]) - self.mean) / self.scale, -_CLIP, _CLIP
        )
        width = len(NAMES) * self.config.statistics
        numbers[:, :width] /= np.sqrt(max(1, width))
        numbers[:, width:] /= np.sqrt(max(1, self.config.kernels))
        return np.asarray(numbers, dtype=np.float32)

    def state(self) -> State:
        """The dilations and levels of the convolutions, mean and deviation of every number."""
        if self.mean is None:
            return State()
        arrays = {"mean": self.mean, "scale": self.scale}
        if not self.config.kernels:
            return State(arrays)
        plan = {"dilations": list(self.plan.dilations), "shares": list(self.plan.shares)}
        return State({**arrays, "biases": self.biases}, plan)

    def load_state(self, state: State) -> Self:
        """Take over what another instance learned."""
        if state.arrays:
            self.mean, self.scale = state.arrays["mean"], state.arrays["scale"]
        if "biases" in state.arrays:
            self.biases = state.arrays["biases"]
            self.plan = Plan(tuple(state.meta["dilations"]), tuple(state.meta["shares"]))
        return self
