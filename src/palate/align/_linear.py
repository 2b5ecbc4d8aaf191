"""What aligners share that turn each part by one matrix."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from palate.align._base import Aligner, Views
from palate.core.part import C
from palate.core.types import Doubles, Floats
from palate.data.dataset import Dataset


class LinearAligner(Aligner[C]):
    """Base of these aligners: `_matrices` is what a new one writes.

    Shapes:
        matrices: float32[d, dim] by part.
    """

    matrices: Mapping[str, Floats]

    def _fit(self, views: Views, data: Dataset, rng: np.random.Generator) -> None:
        found = self._matrices(views, data, rng)
        self.matrices = {name: _padded(matrix, self.dim) for name, matrix in found.items()}

    @abstractmethod
    def _matrices(self, views: Views, data: Dataset, rng: np.random.Generator) -> Mapping[str, Doubles]:
        """Return the matrix of each part; float64[d, at most dim], of which columns that lack are zeros."""

    def _map(self, name: str, rows: Floats) -> Floats:
        return np.asarray(rows @ self.matrices[name], dtype=np.float32)

    def _arrays(self) -> Mapping[str, Floats]:
        return {f"matrix.{number}": self.matrices[name] for number, name in enumerate(self.standards)}

    def _take(self, arrays: Mapping[str, Floats]) -> None:
        self.matrices = {name: arrays[f"matrix.{number}"] for number, name in enumerate(self.standards)}


def _padded(matrix: Doubles, dim: int) -> Floats:
    found = np.zeros((len(matrix), dim), dtype=np.float32)
    found[:, : matrix.shape[1]] = matrix
    return found
