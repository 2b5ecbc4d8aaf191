"""Each part along its own main directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from palate.align._base import AlignerConfig, Views
from palate.align._linear import LinearAligner
from palate.core.types import Doubles
from palate.data.dataset import Dataset
from palate.linalg.directions import main_directions


class PCA(LinearAligner[AlignerConfig]):
    """Turn each part onto its own main directions: one width, but no common meaning.

    W_p holds the eigenvectors of X_p^T X_p with the largest eigenvalues. What the directions of two parts have in common is
    only their order, which makes this the measure of what the others gain.

    Missing data:
        A part narrower than `dim` has zeros in the directions that it lacks.
    """

    name = "pca"
    paper: ClassVar[str] = "Pearson 1901; Hotelling 1933"
    cost: ClassVar[str] = "n d² + d³"

    def _matrices(self, views: Views, data: Dataset, rng: np.random.Generator) -> Mapping[str, Doubles]:
        return {name: main_directions(rows[views.present[name]], self.dim)[0] for name, rows in views.rows.items()}
