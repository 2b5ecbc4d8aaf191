"""Popular items more often."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, PositiveInt

from palate.core.config import Config
from palate.core.types import Codes
from palate.training.pairs import Candidates
from palate.training.samplers._base import Likes
from palate.training.samplers._drawing import Drawing


class PopularitySamplerConfig(Config):
    """How many, and how much popularity counts."""

    count: PositiveInt = 1
    """Items that each like is held against."""
    power: float = Field(0.75, ge=0, le=2)
    """An item is drawn by its likes to this power; 0 is even."""


class PopularitySampler(Drawing[PopularitySamplerConfig]):
    """Draw items that the user does not like, by the power of how many others do (Mikolov et al. 2013, section 2.2)."""

    name = "popularity"
    config_type = PopularitySamplerConfig

    def over(self, likes: Likes) -> Self:
        """Take over whose likes these are."""
        super().over(likes)
        weights = np.where(likes.counts > 0, likes.counts.astype(np.float64) ** self.config.power, 0.0)
        self.ends = np.cumsum(weights / weights.sum())
        with np.errstate(divide="ignore"):
            self.log_chance = np.log(weights / weights.sum()).astype(np.float32)
        return self

    def draw(self, users: Codes, items: Codes, rng: np.random.Generator) -> Candidates:
        """Return what to hold a batch of likes against: int32[b, count]."""
        drawn = self._drawn(users, self.config.count, rng)
        return Candidates(drawn, self.log_chance[drawn])

    def _pool(self, size: int, rng: np.random.Generator) -> Codes:
        place = np.searchsorted(self.ends, rng.random(size), side="right")
        return np.minimum(place, self.likes.items - 1).astype(np.int32)
