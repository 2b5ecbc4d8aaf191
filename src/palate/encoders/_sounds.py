"""Reading sounds to 16,000 samples a second, one channel."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from palate.core.errors import missing_extra
from palate.core.types import Floats
from palate.encoders._base import BrokenInput

RATE = 16_000
SHORTEST = 0.01
"""Seconds; less is a click, not a sound."""
SILENCE = 1e-4
"""Loudest sample, of 1, below which there is nothing to hear (-80 dB)."""


def library(name: str) -> Any:
    """Import a library of the `media` extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise missing_extra(name, "media", "reading sound") from error


def read_sound(path: Path, longest: float) -> Floats:
    """Read a sound file: WAV, FLAC, OGG, MP3 and what else libsndfile knows, whatever the file's name says.

    Args:
        path: the file.
        longest: seconds that are read, from the start.

    Shapes:
        float32[n], -1 … 1.
    Raises:
        BrokenInput: absent, empty, no sound, silent, or shorter than 10 ms.
        MissingExtraError: the `media` extra is not installed.
    """
    soundfile, soxr = library("soundfile"), library("soxr")
    if not path.is_file():
        raise BrokenInput("there is no such file")
    if path.stat().st_size == 0:
        raise BrokenInput("the file is empty")
    try:
        with soundfile.SoundFile(path) as file:
            rate = int(file.samplerate)
            samples = file.read(int(longest * rate), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, RuntimeError, ValueError) as error:
        raise BrokenInput(f"the sound cannot be decoded: {getattr(error, 'error_string', error)}") from error
    if len(samples) < SHORTEST * rate:
        raise BrokenInput(
            f"the sound lasts {1000 * len(samples) / rate:.0f} ms; at least {1000 * SHORTEST:.0f} are needed"
        )
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise BrokenInput("the sound holds samples that are not numbers")
    if np.abs(mono).max() < SILENCE:
        raise BrokenInput("the sound is silent")
    return np.asarray(soxr.resample(mono, rate, RATE), dtype=np.float32)
