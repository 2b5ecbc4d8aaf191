"""What aligners share that read a part as a sequence of steps: which parts are, and in how many."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from pydantic import Field, PositiveInt

from palate.align._base import Views
from palate.align._learned import ContrastedConfig, LearnedAligner, PartsNetwork
from palate.align._towers import Tower
from palate.align.contrastive import ContrastiveNetwork
from palate.core.errors import ConfigError, DataError, did_you_mean
from palate.data.dataset import Dataset


class SequenceConfig(ContrastedConfig):
    """What aligners of sequences can be told."""

    steps: dict[str, PositiveInt] = Field(default_factory=dict)
    """Of how many steps a part is, as in {"clip": 16}: its row holds the numbers of the first step, then those of the second. One
    step where nothing is said."""


S = TypeVar("S", bound=SequenceConfig)


class SequenceAligner(LearnedAligner[S]):
    """Base of these aligners: `_steps` is what a new one writes. They learn by the loss of `contrastive`.

    Raises:
        ConfigError: `steps` names no part. DataError: the numbers of a part cannot be dealt out to its steps.
    """

    def _fit(self, views: Views, data: Dataset, rng: np.random.Generator) -> None:
        for name, steps in self.config.steps.items():
            if name not in views.rows:
                raise ConfigError(f"steps names the part '{name}': {did_you_mean(name, views.rows)}")
            width = views.rows[name].shape[1]
            if width % steps:
                raise DataError(
                    f"the part '{name}' has {width} numbers, which {steps} steps do not divide: give a number of steps that does"
                )
        super()._fit(views, data, rng)

    def _network(self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator) -> PartsNetwork:
        return ContrastiveNetwork(views, towers, rng, self.config)

    def _tower(self, name: str, width: int) -> Tower:
        return self._steps(width, self.config.steps.get(name, 1))

    @abstractmethod
    def _steps(self, width: int, steps: int) -> Tower:
        """Return how rows of so many numbers and steps become vectors."""
