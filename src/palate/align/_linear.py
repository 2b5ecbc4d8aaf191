"""What aligners share that turn each part by one matrix, and how the main directions of rows are found."""

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


def main_directions(rows: Floats, width: int) -> tuple[Doubles, Doubles]:
    """Return the orthonormal directions in which rows vary most, the largest first, and the mean square along each.

    Each direction points to where its largest number is positive, so that it is the same on every machine.

    Shapes:
        rows: float32[n, d] -> float64[d, k], float64[k], k the least of d and `width`.
    """
    gram = rows.astype(np.float64).T @ rows.astype(np.float64) / max(len(rows), 1)
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:width], vectors[:, ::-1][:, :width]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return vectors * np.where(signs == 0, 1, signs), np.maximum(values, 0)
