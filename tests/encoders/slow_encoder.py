"""A program that encodes the titles of a dataset folder slowly; a test kills it in the middle of its work.

python slow_encoder.py FOLDER SECONDS_PER_BATCH
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from palate.core.config import Config
from palate.core.types import Floats
from palate.data.folder import load
from palate.encoders import BrokenInput, Encoder
from palate.encoders.pipeline import columns, encode_columns
from palate.interfaces import Raw


class Nothing(Config):
    """No settings."""


class Letters(Encoder[Nothing]):
    """Letter counts, with a trace of the whole batch, so that other batches would give other bytes."""

    name = "letters"
    modality = "text"
    config_type = Nothing
    batch = 4
    pause = 0.0

    @property
    def dim(self) -> int:
        """One number a letter."""
        return 26

    def decode(self, raw: Raw) -> Floats:
        if "broken" in str(raw):
            raise BrokenInput("it says so itself")
        return np.array([str(raw).count(chr(97 + letter)) for letter in range(26)], np.float32)

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        time.sleep(self.pause)
        counts = np.stack(batch)
        return counts + counts.mean(axis=0) / 7


if __name__ == "__main__":
    columns.FLUSH_SECONDS = 0.0
    Letters.pause = float(sys.argv[2])
    _, done = encode_columns(load(Path(sys.argv[1])), {"title": Letters()})
    print(done[0].computed)
