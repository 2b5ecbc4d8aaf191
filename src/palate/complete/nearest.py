"""The mean of the most alike things."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import PositiveInt

from palate.complete._alike import References, averaged
from palate.complete._base import Completer, CompleterConfig, Known
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset


class NearestConfig(CompleterConfig):
    """How many things are asked."""

    neighbours: PositiveInt = 20
    """How many of the most alike things are averaged."""


class Nearest(Completer[NearestConfig]):
    """Give a thing that lacks a part the mean of those most alike to it by the other parts.

    estimate = sum of c_j x_j / sum of c_j over the `neighbours` trained things j that have the part, with c_j the mean cosine of
    standardised rows over the other parts that both have, where it is above 0 (k-nearest-neighbour imputation: Troyanskaya et al.
    2001).

    Missing data:
        A thing without any other part, or with no one alike, stays without.
    """

    name = "nearest"
    config_type = NearestConfig
    paper: ClassVar[str] = "Troyanskaya et al. 2001"
    cost: ClassVar[str] = "n w; completing takes n w per row"

    things: Known

    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        self._keep(things)

    def _keep(self, things: Known) -> None:
        self.things, self.references = things, References(things.rows, things.present)

    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        others = [other for other in self.standards if other != name]
        among = self.things.present[name]
        places, weights = self.references.nearest(things, others, among, self.config.neighbours)
        return averaged(self.things.rows[name], places, weights)

    def _arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return self.things.packed()

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._keep(Known.unpacked(self.standards, arrays))
