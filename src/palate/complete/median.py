"""The middle row of those that are there, dimension by dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from palate.complete._base import Completer, CompleterConfig, Known
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset


class Median(Completer[CompleterConfig]):
    """Give a thing that lacks a part the median of those that have it, in each dimension: a few wild rows do not move it.

    Missing data:
        As with `mean`, every thing gets the same.
    """

    name = "median"
    paper: ClassVar[str] = "Little and Rubin 2002"
    cost: ClassVar[str] = "n w log n"

    medians: Mapping[str, Floats]

    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        self.medians = {
            name: np.median(things.rows[name][things.present[name]], axis=0).astype(np.float32)
            for name in self.known_parts
        }

    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        n = len(things.codes)
        return np.broadcast_to(self.medians[name], (n, len(self.medians[name]))), np.ones(n, bool)

    def _arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {f"median.{number}": self.medians[name] for number, name in enumerate(self.known_parts)}

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.medians = {name: arrays[f"median.{number}"] for number, name in enumerate(self.known_parts)}
