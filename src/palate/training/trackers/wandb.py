"""A run at Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from palate.core.config import Config
from palate.core.errors import missing_extra
from palate.core.fingerprint import fingerprint
from palate.core.types import JSON
from palate.training.trackers._base import Tracker


class WandBConfig(Config):
    """Where to."""

    project: str = Field("palate", min_length=1)
    """The project that runs are put in."""


class WandB(Tracker[WandBConfig]):
    """Send figures to Weights & Biases, or leave them in `wandb/` to be sent later: `WANDB_MODE=offline` in the environment.

    Key, team and mode are those of its own environment (WANDB_API_KEY, WANDB_ENTITY, WANDB_MODE). A training that goes on
    after a break is another run of the same group.

    Raises:
        MissingExtraError: the library wandb is not installed.
    """

    name = "wandb"
    config_type = WandBConfig

    def begin(self, about: Mapping[str, JSON]) -> None:
        """Open a run with the settings of the training."""
        self.run = _library().init(
            project=self.config.project,
            name=f"{about['label']}, seed {about['seed']}",
            group=f"{about['label']}-{fingerprint(about)[:8]}",
            config=dict(about),
        )

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Send the figures of an epoch."""
        self.run.log(dict(figures), step=number)

    def end(self, *, done: bool) -> None:
        """Close the run."""
        self.run.finish(exit_code=int(not done))


def _library() -> Any:
    try:
        import wandb
    except ImportError as error:
        raise missing_extra("wandb", "wandb", "the tracker 'wandb'") from error
    return wandb
