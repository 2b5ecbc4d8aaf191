"""A linear autoencoder of behaviour and of content, solved in closed form."""

from __future__ import annotations

import numpy as np
from pydantic import Field, PositiveInt

from palate.core.types import Floats
from palate.data.dataset import Dataset
from palate.models._deep_parts import PartsConfig, parts_for
from palate.models.ease import EASE, EASEConfig


class CEASEConfig(PartsConfig, EASEConfig):
    """How much content counts, beside what ease is told."""

    content: float = Field(0.3, gt=0, le=100)
    """How much the likeness of items by their parts counts beside what was liked together, as a multiple of `reg`."""
    width: PositiveInt = 256
    """Parts wider than this are turned onto so many main directions."""


class CEASE(EASE):
    """Score items as ease does, where items that are alike by their parts go together too (Jeunen et al. 2020).

    P = (X'X + reg I + content reg K)^-1, K_ij the mean cosine of the parts of i and j: as if, for each direction of the parts,
    there were one more person, who likes items by their number in it. What follows is as in ease.

    Missing data:
        A part that an item lacks makes it like no other in it. NaN for items that nobody liked in training and that have
        no part, and for users of whom no liked item can be scored. `explain` calls all of a liked item's score behaviour,
        although content had its say in the weights.
    Raises:
        DataError: no item has a part; ConfigError, MemoryLimitError: as ease.
    """

    name = "cease"
    config_type = CEASEConfig
    config: CEASEConfig
    requires = frozenset({"interactions", "features"})

    def _further_rows(self, train: Dataset) -> Floats:
        parts = parts_for(self.config, train).values()
        scale = np.float32(np.sqrt(self.config.content * self.config.reg / len(parts)))
        return np.concatenate([scale * part.values.T for part in parts])
