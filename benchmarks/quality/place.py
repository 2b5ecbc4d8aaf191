"""A ground with its data, split, for benchmarks that look at parts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from grounds import Ground

from palate.core.fingerprint import fingerprint
from palate.data.split import Split, split


@dataclass
class Place:
    """A ground, its data read when they are asked for."""

    ground: Ground
    real: Path
    out: Path

    @cached_property
    def cut(self) -> Split:
        return split(self.ground.data(self.real, self.out), self.ground.how, 0)

    @cached_property
    def fingerprint(self) -> str:
        train = self.cut.train
        parts = {name: (table.source, table.present) for name, table in train.features.items()}
        rows = [part.interactions.fingerprint for part in (train, self.cut.valid, self.cut.test)]
        return fingerprint(self.cut.how, self.cut.seed, rows, parts, train.positive)
