"""A line on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from pydantic import PositiveInt

from palate.core.config import Config
from palate.core.types import JSON
from palate.training.trackers._base import Tracker


class ConsoleConfig(Config):
    """How often."""

    every: PositiveInt = 1
    """Epochs from one line to the next."""


class Console(Tracker[ConsoleConfig]):
    """Write a line on standard error for each epoch."""

    name = "console"
    config_type = ConsoleConfig

    def begin(self, about: Mapping[str, JSON]) -> None:
        """Say what is trained."""
        sys.stderr.write(f"training {about['label']}, seed {about['seed']}\n")

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Write the figures of an epoch."""
        if number % self.config.every == 0:
            told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            sys.stderr.write(f"epoch {number}: {told}\n")
