"""What all parts have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from palate.align._base import AlignerConfig, Views
from palate.align._linear import LinearAligner
from palate.core.types import Doubles
from palate.data.dataset import Dataset
from palate.linalg.directions import main_directions


class CCAConfig(AlignerConfig):
    """How wide, and how careful."""

    reg: PositiveFloat = 0.1
    """Ridge of each part, as a share of the mean square along its strongest direction: the more, the less is made of directions
    in which it hardly varies."""
    width: PositiveInt = 256
    """Parts wider than this are first turned onto so many main directions."""


class CCA(LinearAligner[CCAConfig]):
    """Find the directions in which the parts of the same thing say the same; any number of parts.

    maximum variance form (Kettenring 1971; with parts that lack, van de Velden and Bijmolt 2006): G, W minimise
    sum over p of |K_p (G - X_p W_p)|^2 + r |W_p|^2 with G^T D G = I, where K_p picks the things that have part p and D counts
    the parts of each. G comes from the largest eigenvectors of D^(-1/2) (sum of K_p X_p (X_p^T X_p + r I)^(-1) X_p^T K_p) D^(-1/2), and
    W_p = (X_p^T X_p + r I)^(-1) X_p^T G. G is then made
    longer, G^T D G = n I, so that every direction counts alike and as much as in a whitened part.

    Missing data:
        A thing speaks for the parts that it has. One part alone is nearly whitened: what it hardly varies in counts less.
    """

    name = "cca"
    config_type = CCAConfig
    paper: ClassVar[str] = "Hotelling 1936; Kettenring 1971"
    cost: ClassVar[str] = "n w² + w³"

    def _matrices(self, views: Views, data: Dataset, rng: np.random.Generator) -> Mapping[str, Doubles]:
        roots, bent = {}, []
        counts = np.maximum(sum(present.astype(np.float64) for present in views.present.values()), 1)
        for name, rows in views.rows.items():
            there = views.present[name]
            directions, strength = main_directions(rows[there], self.config.width)
            ridge = strength + self.config.reg * strength.max(initial=0.0)
            total = np.where(ridge > 0, ridge, 1) * max(int(there.sum()), 1)
            roots[name] = directions / np.sqrt(total)  # (X^T X + r)^(-1/2), in the main directions
            bent.append(rows @ roots[name] / np.sqrt(counts)[:, None])
        stacked = np.concatenate(bent, axis=1)
        joint, agreed = main_directions(stacked, self.dim)
        agreed = agreed * len(stacked)  # eigenvalues of stacked^T stacked: at most 1
        scale = np.sqrt(np.where(agreed > 1e-9, 1 / np.maximum(agreed, 1e-9), 0))
        common = stacked @ (joint * scale) * np.sqrt(len(stacked) / counts)[:, None]  # G
        return {name: roots[name] @ ((rows @ roots[name]).T @ common) for name, rows in views.rows.items()}
