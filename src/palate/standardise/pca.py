"""Main directions, as strong as they are."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import PositiveInt

from palate.core.config import Config
from palate.core.types import Doubles, Floats
from palate.linalg.directions import main_directions
from palate.linalg.standard import Standard
from palate.standardise._turned import TurningStandardiser

_WEAK = 1e-8
"""A direction that varies by no more than this share of the strongest (in squares) varies by rounding alone."""


class PCAConfig(Config):
    """How wide."""

    dim: PositiveInt = 64
    """Main directions that are kept; a part that has no more numbers keeps as many as it has."""


class PCA(TurningStandardiser[PCAConfig]):
    """Turn a part onto its main directions, the strongest first, and keep the strongest: small ones are often noise.

    z = V' (x - mean), V the eigenvectors of the covariance with the largest eigenvalues. Directions keep their strength, so that
    the cosine goes by what varies most; dimensions of different units want `whitening` or `z-score`.

    Shapes:
        float32[n, d] -> float32[n, min(dim, d)], of falling variance; directions in which training does not vary are zeros.
    Missing data:
        Absent rows stay absent. With fewer than two rows to learn from, a part is left as it is, at its width.
    """

    name = "pca"
    config_type = PCAConfig
    paper: ClassVar[str] = "Pearson 1901; Hotelling 1933"
    cost: ClassVar[str] = "n d² + d³"

    def _measured(self, values: Floats) -> Standard:
        return Standard(Standard.measured(values).mean, np.ones(values.shape[1], np.float32))

    def _matrix(self, rows: Floats) -> Doubles:
        directions, strength = main_directions(rows, self.config.dim)
        return np.asarray(directions * (strength > _WEAK * strength[0]))
