"""Videos by how things move in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.types import Floats
from palate.encoders._base import EmptyInput, Encoder
from palate.encoders._motion import STATISTICS, statistics
from palate.encoders._videos import watch_movement
from palate.interfaces import Raw


class MotionConfig(Config):
    """Settings of `motion`."""

    max_seconds: float = Field(default=60.0, gt=0)
    """How much of a video is read, from its start."""


class Motion(Encoder[MotionConfig]):
    """Statistics of movement: flow, its spread and changes, cuts and brightness, from ten looks a second.

    Flow: that of blocks, by phase correlation (Kuglin and Hines 1975). Cuts: see `video`.

    Missing data:
        Of a single frame, or of less than a tenth of a second, nothing can be said to move: the row is absent.
    """

    name = "motion"
    modality = "video"
    config_type = MotionConfig
    batch = 4
    dim = len(STATISTICS)

    def decode(self, raw: Raw) -> Floats:
        """Return the numbers of a video, float32[14]."""
        seen = watch_movement(Path(raw), self.config.max_seconds)
        if not seen.looks:
            raise EmptyInput("the video is too short for anything to be seen moving")
        return statistics(seen.looks, seen.cuts, seen.end - seen.start)

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        return np.stack(batch)
