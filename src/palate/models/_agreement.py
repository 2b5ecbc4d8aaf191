"""Which items may be joined by content: those that every part finds alike, or that the same people like."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from palate.core.fingerprint import fingerprint
from palate.core.types import CSR, Floats, Mask
from palate.data.dataset import Dataset
from palate.linalg.neighbours import Rows, unit_rows
from palate.models._deep_parts import PartsConfig, Prepared

_TOGETHER = 2
"""People who like both, from which on behaviour confirms an edge."""


class NearConfig(PartsConfig):
    """What every model can be told that joins items that are alike by content."""

    agree: float | None = Field(None, ge=-10, le=10)
    """Join items only where their cosine in each part that both have is so many deviations above the mean of two items, or where
    people who like the one like the other: a wrong picture then joins little. 0 is the rule of DA-MRS; None joins all alike."""


class Agreement:
    """Tell which pairs of items may be joined.

    As in DA-MRS (Xv et al. 2024) a pair stays where in each part its cosine is not below the mean over all pairs; here so many
    deviations above may be asked for, which a graph of the sum of all parts needs, whose nearest are seldom below the mean in
    any. There likes in common make a graph of their own; here they confirm an edge on which parts disagree: at least two people
    like both, and more than would if one had nothing to do with the other.

    Missing data:
        A part that one of both lacks has no say. An item that agrees with none is joined to none.
    """

    def __init__(self, parts: Mapping[str, Prepared], liked: CSR, deviations: float = 0.0) -> None:
        self.parts = {name: (unit_rows(part.values), part.present) for name, part in parts.items()}
        self.least = {name: _least(rows[present], deviations) for name, (rows, present) in self.parts.items()}
        self.people, self.liked, self.likers = int(liked.shape[0]), liked, liked.T.tocsr()
        self.counts = np.diff(self.likers.indptr)

    def __call__(self, rows: Rows, columns: Rows) -> Mask:
        """Return which of these pairs may be joined; int64[a], int64[b] -> bool[a, b]."""
        allowed = np.ones((len(rows), len(columns)), dtype=bool)
        for name, (units, present) in self.parts.items():
            both = present[rows][:, None] & present[columns]
            allowed &= ~both | (units[rows] @ units[columns].T >= self.least[name])
        together = (self.likers[rows] @ self.liked)[:, columns].toarray()
        by_chance = self.counts[rows][:, None] * (self.counts[columns] / max(self.people, 1))
        return np.asarray(allowed | ((together >= _TOGETHER) & (together > by_chance)))

    @property
    def fingerprint(self) -> str:
        """All that decides which pairs may be joined."""
        parts = [[units, present] for units, present in self.parts.values()]
        return fingerprint("agreement", parts, self.least, self.people, self.liked.indptr, self.liked.indices)


def agreement(config: NearConfig, parts: Mapping[str, Prepared], train: Dataset) -> Agreement | None:
    """Return which items a config lets be joined; None where it lets all."""
    return None if config.agree is None else Agreement(parts, train.liked, config.agree)


def _least(units: Floats, deviations: float) -> float:
    """Return the cosine that lies so many deviations above the mean of two different rows; float32[n, d], of length one or zero."""
    n, total = len(units), units.sum(axis=0, dtype=np.float64)
    lengths, gram = np.square(units, dtype=np.float64).sum(axis=1), (units.T @ units).astype(np.float64)
    pairs = max(n * (n - 1), 1)
    mean = (total @ total - lengths.sum()) / pairs
    square = (np.square(gram).sum() - np.square(lengths).sum()) / pairs
    return float(mean + deviations * np.sqrt(max(square - mean**2, 0)))
