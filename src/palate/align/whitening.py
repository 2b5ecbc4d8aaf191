"""Each part along its own main directions, all of them alike in strength."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import NonNegativeFloat

from palate.align._base import AlignerConfig, Views
from palate.align._linear import LinearAligner
from palate.core.types import Doubles
from palate.data.dataset import Dataset
from palate.linalg.directions import main_directions


class WhiteningConfig(AlignerConfig):
    """How wide, and how careful with weak directions."""

    reg: NonNegativeFloat = 0.01
    """Added to the mean square along each direction, as a share of the largest: noise is raised no further than this lets it."""


class Whitening(LinearAligner[WhiteningConfig]):
    """Turn each part onto its main directions and make these equally strong: no single one speaks for the whole part.

    W_p = V_p (L_p + reg max(L_p))^(-1/2), V_p and L_p the eigenvectors and eigenvalues of X_p^T X_p / n.

    Missing data:
        A part narrower than `dim` has zeros in the directions that it lacks.
    """

    name = "whitening"
    config_type = WhiteningConfig
    paper: ClassVar[str] = "Kessy, Lewin and Strimmer 2018"
    cost: ClassVar[str] = "n d² + d³"

    def _matrices(self, views: Views, data: Dataset, rng: np.random.Generator) -> Mapping[str, Doubles]:
        found = {}
        for name, rows in views.rows.items():
            directions, strength = main_directions(rows[views.present[name]], self.dim)
            strength = strength + self.config.reg * strength.max(initial=0.0)
            found[name] = directions / np.sqrt(np.where(strength > 0, strength, 1))
        return found
