"""What every sampler shares: the likes it must not draw, and how it looks them up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
import numpy.typing as npt

from palate.core.part import C, Part
from palate.core.types import CSR, Codes, Floats, Mask
from palate.training.pairs import Candidates


class Likes:
    """Who likes what, asked for many pairs at once.

    Args:
        liked: sparse[n_users, n_items].
        power: a like is drawn by (likes of its item)^-power, and `log_share` tells how often an item comes then.
    """

    def __init__(self, liked: CSR, power: float = 0.0) -> None:
        self.users, self.items = liked.shape
        rows = np.repeat(np.arange(self.users, dtype=np.int64), np.diff(liked.indptr))
        self.keys: npt.NDArray[np.int64] = np.sort(rows * self.items + liked.indices)
        self.counts = np.bincount(liked.indices, minlength=self.items)
        drawn = self.counts if not power else np.where(self.counts > 0, np.maximum(self.counts, 1.0) ** (1 - power), 0)
        self.log_share: Floats = np.log(np.maximum(drawn, 1) / max(drawn.sum(), 1)).astype(np.float32)

    def among(self, users: Codes, items: Codes) -> Mask:
        """Tell for each pair whether it is a like; both of one shape."""
        keys = users.astype(np.int64) * self.items + items
        place = np.searchsorted(self.keys, keys)
        return np.asarray(self.keys[np.minimum(place, len(self.keys) - 1)] == keys)


class Sampler(Part[C], ABC):
    """Base of the samplers: `over` tells it the likes, `draw` gives what to hold a batch against."""

    likes: Likes

    def over(self, likes: Likes) -> Self:
        """Take over whose likes these are."""
        self.likes = likes
        return self

    @abstractmethod
    def draw(self, users: Codes, items: Codes, rng: np.random.Generator) -> Candidates:
        """Return what to hold a batch of likes against; users, items: int32[b]."""
