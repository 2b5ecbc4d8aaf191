"""A dataset cut in three."""

from __future__ import annotations

from dataclasses import dataclass, replace

from palate.core.fingerprint import fingerprint
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions


@dataclass(frozen=True, eq=False)
class Split:
    """Train, validation and test: the same users, items and features, other interactions.

    Training takes `train` (and `valid` to choose); only evaluation opens `test`.
    """

    train: Dataset
    valid: Dataset
    test: Dataset
    how: str
    """The protocol's name: random-per-user, leave-last-out, global-time, cold-items, as-labelled."""
    seed: int = 0

    @property
    def fingerprint(self) -> str:
        """Digest of all three."""
        return fingerprint(self.how, self.seed, self.train.fingerprint, self.valid.fingerprint, self.test.fingerprint)

    def refit(self) -> Split:
        """Return the split whose training part holds validation too (the `refit` protocol)."""
        both = Interactions.concat(self.train.interactions, self.valid.interactions)
        return replace(self, train=self.train.with_interactions(both))
