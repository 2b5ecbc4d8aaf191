"""Sounds by the encoder of Whisper base, through CTranslate2."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.types import Floats
from palate.encoders._base import Encoder
from palate.encoders._sounds import RATE, check_libraries, read_sound
from palate.encoders.speech._whisper import BASE, load_whisper
from palate.interfaces import Raw

WINDOW = 30 * RATE
"""Samples that Whisper looks at at once."""
STEP = 320
"""Samples from one of its vectors to the next, 20 ms."""


class WhisperEncoderConfig(Config):
    """Settings of `whisper-encoder`."""

    max_seconds: float = Field(default=30.0, gt=0)
    """How much of a sound is read, from its start; each thirty seconds cost as much again."""


class WhisperEncoder(Encoder[WhisperEncoderConfig]):
    """The encoder of Whisper base, made for speech: the mean of what it says every 20 ms, 512 numbers a sound.

    Radford et al. 2022, arXiv:2212.04356. Windows of 30 s, the last one filled up with silence; the mean is over the time
    that holds sound, and not over what was filled up.
    """

    name = "whisper-encoder"
    modality = "audio"
    version = 2
    config_type = WhisperEncoderConfig
    weights = BASE
    batch = 4

    @property
    def dim(self) -> int:
        """512."""
        return 512

    @cached_property
    def _model(self) -> Any:
        return load_whisper(self.weights, "float32")

    def prepare(self) -> None:
        """Fetch the weights where the cache lacks them, and load them.

        Raises:
            MissingExtraError: the `media` or the `speech` extra is not installed.
            WeightsError: the weights cannot be had.
        """
        check_libraries()
        self._model  # noqa: B018  made on first use

    def decode(self, raw: Raw) -> Floats:
        """Return the samples of a sound at 16 kHz, float32[n]."""
        return read_sound(Path(raw), self.config.max_seconds)

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        return np.stack([self._mean(sound) for sound in batch])

    def _mean(self, sound: Floats) -> Floats:
        total = np.zeros(self.dim, np.float64)
        for start in range(0, len(sound), WINDOW):
            window = sound[start : start + WINDOW]
            # the padding that faster-whisper adds is of the spectrum; Whisper was trained with silence
            spectrum = self._model.feature_extractor(np.pad(window, (0, WINDOW - len(window))), padding=0)
            states = np.asarray(self._model.encode(spectrum[:, : WINDOW // STEP * 2]))[0]
            total += states[: -(-len(window) // STEP)].sum(axis=0, dtype=np.float64)
        frames = sum(-(-min(WINDOW, len(sound) - start) // STEP) for start in range(0, len(sound), WINDOW))
        return (total / frames).astype(np.float32)
