"""Curves in TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palate.core.config import Config
from palate.core.errors import missing_extra
from palate.core.fingerprint import fingerprint
from palate.core.types import JSON
from palate.training.trackers._base import Tracker, no_place


class TensorBoardConfig(Config):
    """Where to."""

    path: Path = Path("runs")
    """The folder that TensorBoard is shown; each training has one of its own in it."""


class TensorBoard(Tracker[TensorBoardConfig]):
    """Draw a curve of each figure, epoch by epoch, for `tensorboard --logdir runs`.

    The folder of a training is named after the model, its settings and the seed: one that goes on after a break goes on
    with its curves.

    Raises:
        MissingExtraError: the library tensorboard is not installed.
        StoreError: the folder cannot be written.
    """

    name = "tensorboard"
    config_type = TensorBoardConfig

    def begin(self, about: Mapping[str, JSON]) -> None:
        """Open the folder and write down what is trained."""
        writer = _writer()
        try:
            self.out = writer(self.config.path / f"{about['label']}-{fingerprint(about)[:8]}")
        except OSError as error:
            raise no_place("the folder", self.config.path, error) from error
        self.out.add_text("training", json.dumps(dict(about), indent=2))

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Add a point to each curve."""
        for name, value in figures.items():
            self.out.add_scalar(name, value, number)

    def end(self, *, done: bool) -> None:
        """Write what is still held."""
        self.out.close()


def _writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise missing_extra("tensorboard", "track", "the tracker 'tensorboard'") from error
    return SummaryWriter
