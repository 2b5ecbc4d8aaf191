"""Several tasks of one network: how their losses are put together, by given weights or by how uncertain each is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import Field, NonNegativeFloat

from palate.core.config import Config
from palate.core.errors import ConfigError, did_you_mean
from palate.nn._torch import Tensor
from palate.nn.network import Weights

Kind = Literal["told", "measured"]
"""told: what a probability is given to, as in bpr or bce; measured: a squared error."""


class TasksConfig(Config):
    """How much each task counts."""

    tasks: dict[str, NonNegativeFloat] = Field(default_factory=dict)
    """Task -> how much its loss counts; 0 leaves it out."""
    weigh: Literal["given", "uncertainty"] = "given"
    """given: as much as `tasks` says; uncertainty: begins there, and is learned."""


class Tasks:
    """Weigh the losses of tasks so that their sum can be descended.

    given: w L. uncertainty: e^(-s) L + s / 2 of what is told and e^(-s) L / 2 + s / 2 of what is measured, with s = ln sigma^2
    learned for each task (Kendall, Gal and Cipolla 2018, equations 7 and 10): a task whose loss stays high comes to count less.
    It begins where the weight is w, so that a sum of such losses is not comparable from epoch to epoch, and may be negative.

    Args:
        weights: of the network; the learned s are put there, so that they are stepped and kept with it.
        kinds: the tasks there are.
        config: how much each counts.
        usual: how much those count that the config does not name.
    Raises:
        ConfigError: a task is named that is not there.

    Example:
        >>> from palate.nn.network import Weights
        >>> weights = Weights(np.random.default_rng(0))
        >>> tasks = Tasks(weights, {"ranking": "told", "rating": "measured"}, TasksConfig(tasks={"rating": 0.5}))
        >>> tasks({"ranking": 1.0, "rating": 3.0})
        {'ranking': 1.0, 'rating': 1.5}
    """

    def __init__(
        self,
        weights: Weights,
        kinds: Mapping[str, Kind],
        config: TasksConfig,
        usual: Mapping[str, float] | None = None,
    ) -> None:
        for name in config.tasks:
            if name not in kinds:
                raise ConfigError(f"tasks names '{name}': {did_you_mean(name, kinds)}")
        share = {name: config.tasks.get(name, (usual or {}).get(name, 1.0)) for name in kinds}
        self.kinds = kinds
        self.share = {name: weight for name, weight in share.items() if weight}
        self.log_variance: dict[str, Tensor] = {}
        if config.weigh == "uncertainty":
            for name, weight in self.share.items():
                first = -np.log(weight * (2 if kinds[name] == "measured" else 1))
                self.log_variance[name] = weights.put(f"log_variance {name}", np.full(1, first, np.float32))

    def __contains__(self, name: str) -> bool:
        return name in self.share

    def __call__(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss of each task as it counts; float32[] each."""
        if not self.log_variance:
            return {name: self.share[name] * loss for name, loss in losses.items()}
        return {name: self._uncertain(name, loss) for name, loss in losses.items()}

    def _uncertain(self, name: str, loss: Tensor) -> Tensor:
        s = self.log_variance[name][0]
        return (-s).exp() * loss / (2 if self.kinds[name] == "measured" else 1) + s / 2
