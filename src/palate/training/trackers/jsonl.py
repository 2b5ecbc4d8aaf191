"""One JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from palate.core.config import Config
from palate.core.types import JSON
from palate.training.trackers._base import Tracker, no_place


class JSONLConfig(Config):
    """Where to."""

    path: Path = Path("training.jsonl")
    """The file, to which lines are added."""


class JSONL(Tracker[JSONLConfig]):
    """Add a line to a file for each beginning, epoch and end.

    Raises:
        StoreError: the file cannot be written.
    """

    name = "jsonl"
    config_type = JSONLConfig

    def begin(self, about: Mapping[str, JSON]) -> None:
        """Write what is trained."""
        self._write({"begin": dict(about)})

    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Write the figures of an epoch."""
        self._write({"epoch": number, **figures})

    def end(self, *, done: bool) -> None:
        """Write whether it is done."""
        self._write({"end": done})

    def _write(self, line: Mapping[str, JSON]) -> None:
        try:
            self.config.path.parent.mkdir(parents=True, exist_ok=True)
            with self.config.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise no_place("the file", self.config.path, error) from error
