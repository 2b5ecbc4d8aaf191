"""Every known item alike."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from palate.core.config import Config
from palate.core.types import Codes
from palate.training.pairs import Candidates
from palate.training.samplers._drawing import Drawing


class UniformConfig(Config):
    """How many."""

    count: PositiveInt = 1
    """Items that each like is held against."""


class Uniform(Drawing[UniformConfig]):
    """Draw evenly from all items that somebody likes and the user does not."""

    name = "uniform"
    config_type = UniformConfig

    def draw(self, users: Codes, items: Codes, rng: np.random.Generator) -> Candidates:
        """Return what to hold a batch of likes against: int32[b, count]."""
        return self._evenly(users, self.config.count, rng)
