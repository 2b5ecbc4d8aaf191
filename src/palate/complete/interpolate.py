"""Between the one before and the one after, for things that follow one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from palate.complete._base import Completer, CompleterConfig, Known
from palate.core.types import Doubles, Floats, Mask
from palate.data.dataset import Dataset
from palate.data.features import Of


class Interpolate(Completer[CompleterConfig]):
    """Give a thing that lacks a part what lies between the one before it and the one after it in time.

    estimate = x_a + (t - t_a) / (t_b - t_a) (x_b - x_a), a and b being the last before t and the first after t that have the part;
    before the first and after the last, theirs. Events are a series for each person. Items (and people) are one series, each at
    the mean time of its events; without timestamps, in the order of their first appearance. For series alone: where neighbours in
    time are not alike, this is noise.

    Missing data:
        An item (or a person) without an event has no time and stays without, and so does an event of one who has none with the
        part.
    """

    name = "interpolate"
    paper: ClassVar[str] = "Little and Rubin 2002"
    cost: ClassVar[str] = "n log n"
    by_code: ClassVar[bool] = True

    series: npt.NDArray[np.int64]
    """int64[n]: which series a thing belongs to; -1 where to none."""
    times: Doubles
    things: Known

    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        self.series, self.times = _places(data, self.of)
        self.things = things

    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        there = self.things.present[name] & (self.series[self.things.codes] >= 0)
        rows, codes = self.things.rows[name][there], self.things.codes[there]
        order = np.lexsort((codes, self.times[codes], self.series[codes]))
        rows, codes = rows[order], codes[order]
        series, times = self.series[codes], self.times[codes]
        values, told = np.zeros_like(things.rows[name]), np.zeros(len(things.codes), bool)
        for place, code in enumerate(things.codes):
            first, last = np.searchsorted(series, [self.series[code], self.series[code] + 1])
            if self.series[code] < 0 or first == last:
                continue
            after = first + int(np.searchsorted(times[first:last], self.times[code]))
            a, b = max(after - 1, first), min(after, last - 1)
            span = times[b] - times[a]
            share = np.clip((self.times[code] - times[a]) / span, 0, 1) if span > 0 else 0.5
            values[place] = rows[a] + np.float32(share) * (rows[b] - rows[a])
            told[place] = True
        return values, told

    def _arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {"series": self.series, "times": self.times, **self.things.packed()}

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.series, self.times = arrays["series"], arrays["times"]
        self.things = Known.unpacked(self.standards, arrays)


def _places(data: Dataset, of: Of) -> tuple[npt.NDArray[np.int64], Doubles]:
    """Return the series and the time of each thing; int64[n], float64[n]."""
    events = data.interactions
    if of == "interactions":
        times = np.arange(len(events), dtype=np.float64) if events.time is None else events.time.astype(np.float64)
        return events.user.astype(np.int64), times
    codes, n = (events.item, len(data.items)) if of == "items" else (events.user, len(data.users))
    counts = np.bincount(codes, minlength=n)
    when = np.arange(n, dtype=np.float64)
    if events.time is not None:
        when = np.bincount(codes, weights=events.time.astype(np.float64), minlength=n) / np.maximum(counts, 1)
    return np.where(counts > 0, 0, -1).astype(np.int64), when
