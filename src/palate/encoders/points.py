"""Point clouds by simple statistics of their shape: no weights, no training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.types import Floats
from palate.encoders._base import EmptyInput, Encoder
from palate.encoders._clouds import read_points
from palate.encoders._numbers import Numbers
from palate.interfaces import Raw

_FAR = 3.0
"""Where histograms of distances end, in mean distances."""


class PointsConfig(Config):
    """Settings of `points`."""

    bins: int = Field(default=32, ge=4, le=256)
    """Of each histogram."""
    upright: bool = True
    """Whether there is a histogram of heights (z), which a turn about z leaves as it is, and any other turn does not."""
    sample: int = Field(default=512, ge=16, le=4096)
    """Points whose distances from each other are measured: at most so many, evenly along the file."""


class Points(Encoder[PointsConfig]):
    """3-D points by the ratios of their main axes, distances among them, distances from their centre, and heights: 103 numbers.

    With λ1 ≥ λ2 ≥ λ3 the eigenvalues of their covariance: linearity (λ1 - λ2)/λ1, planarity (λ2 - λ3)/λ1, sphericity λ3/λ1
    (Demantké et al. 2011); the deviations along the second and the third axis over that along the first; the cube root
    of λ1 λ2 λ3 over λ1; entropy of the λ. Histograms, as the square roots of shares: D2, the distances of pairs (Osada,
    Funkhouser, Chazelle and Dobkin 2002), over their mean; the distances from the centre over theirs; heights, from the lowest
    to the highest. All is the same however the cloud is moved, scaled or turned, but for the heights: see `upright`.

    Missing data:
        A file without points, and one whose points are all in one place, has no shape.
    """

    name = "points"
    modality = "points"
    version = 2
    config_type = PointsConfig
    batch = 32

    @property
    def dim(self) -> int:
        """Seven ratios and two or three histograms."""
        return 7 + self.config.bins * (3 if self.config.upright else 2)

    def decode(self, raw: Raw) -> Floats | None:
        """Return the statistics of a cloud; all the work is done here, in the workers.

        Raises:
            BrokenInput: it cannot be read; EmptyInput: it has no shape.
        """
        if isinstance(raw, str) and not raw.strip():
            return None
        points = read_points(raw)
        reach = np.abs(points).max()
        points = points - points.mean(axis=0)
        size = np.linalg.norm(points, axis=1).mean()
        if len(points) < 2 or size <= 1e-9 * reach:
            raise EmptyInput("all points of the file or cell are in one place")
        points = points / size
        blocks = [_ratios(points), self._distances(points), self._shares(np.linalg.norm(points, axis=1), _FAR)]
        if self.config.upright:
            height = points[:, 2] - points[:, 2].min()
            blocks.append(self._shares(height, max(float(height.max()), 1e-9)))
        return np.concatenate(blocks).astype(np.float32)

    def _distances(self, points: Numbers) -> Numbers:
        """Return the histogram of the distances of all pairs of a sample."""
        chosen = points[np.linspace(0, len(points) - 1, min(len(points), self.config.sample)).astype(int)]
        squares = (chosen**2).sum(axis=1)
        between = np.sqrt(np.maximum(squares[:, None] + squares - 2 * chosen @ chosen.T, 0))[
            np.triu_indices(len(chosen), 1)
        ]
        mean = between.mean()
        return self._shares(between / (mean if mean > 1e-9 else 1), _FAR)

    def _shares(self, values: Numbers, top: float) -> Numbers:
        """Return the square roots of the shares of values in equal steps up to `top`, the last one open."""
        # a hair's breadth down, so that rounding moves no value that lies on a border
        places = np.clip(np.floor(values * (self.config.bins / top) - 1e-7), 0, self.config.bins - 1).astype(int)
        return np.asarray(np.sqrt(np.bincount(places, minlength=self.config.bins) / len(values)))

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        return np.stack(batch)


def _ratios(points: Numbers) -> Numbers:
    third, second, first = np.maximum(np.linalg.eigvalsh(points.T @ points / len(points)), 0)
    shares = np.array([first, second, third]) / (first + second + third)
    positive = shares[shares > 1e-12]
    entropy = -(positive * np.log(positive)).sum() / np.log(3)
    return np.array([
        (first - second) / first, (second - third) / first, third / first,
        np.sqrt(second / first), np.sqrt(third / first), np.cbrt(first * second * third) / first, entropy,
    ])  # fmt: skip
