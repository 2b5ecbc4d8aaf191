"""An encoder of another distribution for a modality that Palate has never heard of: this file is all of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from palate.core.config import Config
from palate.core.types import Floats
from palate.encoders import BrokenInput, Encoder, registry
from palate.interfaces import Raw

NOTES = ("rose", "musk", "smoke", "lemon")


class NoseConfig(Config):
    """Settings of `nose`."""

    strength: float = 1.0
    """What every note is multiplied by."""


class Nose(Encoder[NoseConfig]):
    """How much of each of four notes is in a smell, such as "rose rose musk": four numbers."""

    name = "nose"
    modality = "smell"
    config_type = NoseConfig

    @property
    def dim(self) -> int:
        """One number a note."""
        return len(NOTES)

    def decode(self, raw: Raw) -> list[str] | None:
        words = (raw.read_text() if isinstance(raw, Path) else raw).split()
        unknown = set(words) - set(NOTES)
        if unknown:
            raise BrokenInput(f"nobody knows the note '{min(unknown)}'")
        return words or None

    def _encode(self, batch: Sequence[list[str]]) -> Floats:
        counts = [[words.count(note) for note in NOTES] for words in batch]
        return self.config.strength * np.array(counts, np.float32)


def install(folder: Path) -> None:
    """Make the encoder known by its name, as an installed distribution would."""
    about = folder / "nose-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: nose\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[palate.encoders]\nnose = smell_encoder:Nose\n")
    for path in (str(Path(__file__).parent), str(folder)):
        if path not in sys.path:
            sys.path.append(path)
    registry.__dict__.pop("_plugins", None)
