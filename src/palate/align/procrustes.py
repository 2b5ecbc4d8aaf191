"""Parts turned, and not bent, until they lie on each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import PositiveInt

from palate.align._base import AlignerConfig, Views
from palate.align._linear import LinearAligner
from palate.core.types import Doubles
from palate.data.dataset import Dataset
from palate.linalg.directions import main_directions

_ENOUGH = 1e-6


class ProcrustesConfig(AlignerConfig):
    """How wide, and how long to turn."""

    rounds: PositiveInt = 100
    """Turns of all parts towards their mean, at most; fewer where nothing moves any more."""


class Procrustes(LinearAligner[ProcrustesConfig]):
    """Turn the main directions of each part until the parts of the same thing lie as near as turning can bring them.

    minimise sum over p of |X_p V_p R_p - G|^2 over orthogonal R_p, G the mean of the turned parts of each thing (Gower
    1975); for given G, R_p = U W^T of the singular value decomposition of (X_p V_p)^T G (Schönemann 1966). Distances inside a
    part stay what they are in its main directions.

    Missing data:
        A thing's mean is over the parts that it has. A part that shares no thing with another is not turned.
    """

    name = "procrustes"
    config_type = ProcrustesConfig
    paper: ClassVar[str] = "Schönemann 1966; Gower 1975"
    cost: ClassVar[str] = "n d² + d³ + rounds m (n k² + k³)"

    def _matrices(self, views: Views, data: Dataset, rng: np.random.Generator) -> Mapping[str, Doubles]:
        directions = {
            name: main_directions(rows[views.present[name]], self.dim)[0] for name, rows in views.rows.items()
        }
        placed = {}
        for name, rows in views.rows.items():
            placed[name] = np.zeros((len(rows), self.dim))
            placed[name][:, : directions[name].shape[1]] = rows @ directions[name]
        counts = np.maximum(sum(present.astype(np.float64) for present in views.present.values()), 1)[:, None]
        shared = counts[:, 0] > 1
        turned, goal, last = self._one_by_one(placed, views), np.zeros_like(next(iter(placed.values()))), np.inf
        turns = {}
        for _ in range(self.config.rounds):
            goal = sum(turned.values()) / counts
            apart = sum(float(np.square(turned[name] - goal)[views.present[name]].sum()) for name in turned)
            turns = {name: _turn(rows[shared], goal[shared]) for name, rows in placed.items()}
            turned = {name: rows @ turns[name] for name, rows in placed.items()}
            if apart >= last * (1 - _ENOUGH):
                break
            last = apart
        return {name: directions[name] @ turns[name][: directions[name].shape[1]] for name in placed}

    def _one_by_one(self, placed: Mapping[str, Doubles], views: Views) -> dict[str, Doubles]:
        """Turn each part towards the mean of those before it, the one that most things have first."""
        turned: dict[str, Doubles] = {}
        total, counts = np.zeros_like(next(iter(placed.values()))), np.zeros(len(views.codes))
        for name in sorted(placed, key=lambda name: (-int(views.present[name].sum()), name)):
            both = views.present[name] & (counts > 0)
            turned[name] = placed[name] @ _turn(placed[name][both], total[both] / counts[both][:, None])
            total, counts = total + turned[name], counts + views.present[name]
        return {name: turned[name] for name in placed}


def _turn(rows: Doubles, goal: Doubles) -> Doubles:
    """Return the orthogonal matrix that brings rows nearest to the goal; float64[k, k]."""
    left, _, right = np.linalg.svd(rows.T @ goal)
    return np.asarray(left @ right)
