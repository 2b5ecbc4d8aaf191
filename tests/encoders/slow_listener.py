"""A program that writes down the sounds of a dataset folder slowly; a test kills it in the middle of its work.

python slow_listener.py FOLDER SECONDS_PER_SOUND
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from palate.core.config import Config
from palate.core.types import Floats
from palate.data.folder import load
from palate.encoders.speech import Recogniser, transcribe_columns


class Nothing(Config):
    """No settings."""


class Pitch(Recogniser[Nothing]):
    """Says how high a tone is; of low ones nothing."""

    name = "pitch"
    config_type = Nothing
    pause = 0.0

    def transcribe(self, sound: Floats) -> str | None:
        time.sleep(self.pause)
        pitch = round(float(np.abs(np.fft.rfft(sound)).argmax() * 16_000 / len(sound)) / 50) * 50
        return f"a tone of {pitch} Hz" if pitch > 200 else None


if __name__ == "__main__":
    Pitch.pause = float(sys.argv[2])
    _, done = transcribe_columns(load(Path(sys.argv[1])), {"voice": Pitch()})
    print(done[0].heard)
