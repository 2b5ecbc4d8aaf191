"""What the network would recommend wrongly now."""

from __future__ import annotations

import dataclasses

import numpy as np
from pydantic import PositiveInt

from palate.core.config import Config
from palate.core.types import Codes
from palate.training.pairs import Candidates
from palate.training.samplers._drawing import Drawing


class HardConfig(Config):
    """How many are looked at, and how many are kept."""

    pool: PositiveInt = 16
    """Items drawn evenly for each like."""
    count: PositiveInt = 1
    """Those of them that score highest, and count."""


class Hard(Drawing[HardConfig]):
    """Draw evenly from what others like and the user does not, and keep what the network scores highest (Zhang et al. 2013)."""

    name = "hard"
    config_type = HardConfig

    def draw(self, users: Codes, items: Codes, rng: np.random.Generator) -> Candidates:
        """Return what to hold a batch of likes against: int32[b, pool], of which the network keeps `count`."""
        pool = self._evenly(users, self.config.pool, rng)
        return dataclasses.replace(pool, keep=min(self.config.count, self.config.pool))
