"""Nothing."""

from __future__ import annotations

import numpy as np

from palate.core.config import Config
from palate.core.types import Codes
from palate.training.pairs import Candidates
from palate.training.samplers._base import Sampler


class NoneConfig(Config):
    """Nothing to set."""


class NoSampler(Sampler[NoneConfig]):
    """Hold likes against nothing, for losses that look at likes alone."""

    name = "none"
    config_type = NoneConfig

    def draw(self, users: Codes, items: Codes, rng: np.random.Generator) -> Candidates:
        """Return no items: int32[b, 0]."""
        return Candidates(np.zeros((len(users), 0), np.int32), np.zeros((len(users), 0), np.float32))
