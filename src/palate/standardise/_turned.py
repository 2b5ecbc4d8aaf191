"""What standardisers share that turn each part by one matrix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Self

import numpy as np

from palate.core.part import C
from palate.core.types import Doubles, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Parts
from palate.standardise._base import Standardiser


class TurningStandardiser(Standardiser[C]):
    """Base of these standardisers: `_matrix` is what a new one writes.

    Shapes:
        matrices: float32[d, f] by part; a part that is left as it is has none.
    """

    matrices: dict[str, Floats]

    def fit(self, parts: Parts, data: Dataset) -> Self:
        """Learn from what occurs in training; raises what every standardiser does."""
        self.matrices = {}
        return super().fit(parts, data)

    @abstractmethod
    def _matrix(self, rows: Floats) -> Doubles:
        """Return what rows of mean 0 are turned by; float32[n, d] -> float64[d, f]."""

    def _learn(self, name: str, rows: Floats) -> None:
        self.matrices[name] = np.asarray(self._matrix(rows), dtype=np.float32)

    def _map(self, name: str, rows: Floats) -> Floats:
        return np.asarray(rows @ self.matrices[name], dtype=np.float32)

    def _width(self, name: str) -> int:
        return self.matrices[name].shape[1] if name in self.matrices else super()._width(name)

    def _arrays(self) -> Mapping[str, Floats]:
        return {
            f"matrix.{number}": self.matrices[name] for number, name in enumerate(self.parts) if name in self.matrices
        }

    def _take(self, arrays: Mapping[str, Floats]) -> None:
        found = {name: arrays.get(f"matrix.{number}") for number, name in enumerate(self.parts)}
        self.matrices = {name: matrix for name, matrix in found.items() if matrix is not None}
