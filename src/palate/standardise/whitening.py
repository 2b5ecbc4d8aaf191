"""No two dimensions alike, all of them equally strong."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt

from palate.core.config import Config
from palate.core.types import Doubles, Floats
from palate.linalg.directions import main_directions
from palate.standardise._turned import TurningStandardiser

_WEAK = 1e-6
"""A direction that varies by no more than this share of the mean one (in squares) varies by rounding alone."""


class WhiteningConfig(Config):
    """Which whitening, and how careful."""

    how: Literal["zca", "pca"] = "zca"
    """zca turns back, so that each number stays as near as can be to the one that it was; pca leaves main directions, the strongest first."""
    shrink: float | None = Field(0.3, ge=0, le=1)
    """Share of the way that the strengths of directions are drawn to their mean before they are made alike: 0 makes all alike, weak noise
    too, 1 is `z-score`, null takes the share of the least expected error (Ledoit and Wolf 2004)."""
    dim: PositiveInt | None = None
    """Main directions that are kept; null keeps all."""


class Whitening(TurningStandardiser[WhiteningConfig]):
    """Make dimensions uncorrelated and equally strong: what many of them say alike counts once.

    z = W D^-1 (x - mean), D the deviations, W = V L^(-1/2) V' (zca) or L^(-1/2) V' (pca), V and L those eigenvectors and eigenvalues of
    the correlations, shrunk: L = (1 - shrink) l + shrink mean(l).

    Shapes:
        float32[n, d] -> float32[n, d]; with how=pca and `dim` float32[n, min(dim, d)].
    Missing data:
        Absent rows stay absent. Directions in which training does not vary, as where it has fewer rows than dimensions, are left
        out, since nothing tells how much a step along them means. With fewer than two rows to learn from, a part is left as it is.
    """

    name = "whitening"
    config_type = WhiteningConfig
    paper: ClassVar[str] = "Kessy, Lewin and Strimmer 2018"
    cost: ClassVar[str] = "n d² + d³"

    def _matrix(self, rows: Floats) -> Doubles:
        directions, strength = main_directions(rows, rows.shape[1])
        usual = float(strength.sum()) / _varied(rows)
        shrink = shrinkage(rows, strength) if self.config.shrink is None else self.config.shrink
        drawn = (1 - shrink) * strength + shrink * usual
        told = strength > _WEAK * usual
        turned: Doubles = (directions / np.sqrt(np.where(told, drawn, 1)) * told)[:, : self.config.dim]
        return turned if self.config.how == "pca" else turned @ directions[:, : self.config.dim].T


def shrinkage(rows: Floats, strength: Doubles) -> float:
    """Return the share, of the way to its mean, of the least expected square error of a covariance.

    b / d, d = |S|^2 / p - m^2, b = min(d, (mean |x|^4 - |S|^2) / (p n)), with n rows x of p numbers that vary, m the mean eigenvalue
    (Ledoit and Wolf 2004, section 3.2).

    Shapes:
        rows: float32[n, d], of mean 0; strength: float64[d], the eigenvalues of S = rows' rows / n.
    """
    p = _varied(rows)
    square = float(np.square(strength).sum())
    apart = square / p - (float(strength.sum()) / p) ** 2
    lengths = np.einsum("nd,nd->n", rows, rows, dtype=np.float64)
    noise = (float(np.square(lengths).mean()) - square) / (p * len(rows))
    return min(noise, apart) / apart if apart > 0 else 0.0


def _varied(rows: Floats) -> int:
    """Return how many dimensions vary, at least 1."""
    return max(int(np.count_nonzero(rows.any(axis=0))), 1)
