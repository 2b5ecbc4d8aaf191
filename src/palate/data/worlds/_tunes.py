"""Short pieces of music: a melody over chords and a ticking beat, in one tempo, mode, instrument, beat and register."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from palate.core.errors import missing_extra
from palate.core.types import Floats
from palate.data.worlds._sounds import RATE, as_pcm, faded

TUNES = {
    "tempo": ("slow", "walking", "lively", "racing"),
    "mode": ("major", "minor"),
    "instrument": ("piano", "strings", "flute", "organ", "guitar", "bells"),
    "beat": ("held", "straight", "swung", "offbeat", "rolling"),
    "register": ("low", "middle", "high"),
}
"""What a piece can be."""

_BEATS_A_MINUTE = {"slow": 60.0, "walking": 92.0, "lively": 132.0, "racing": 184.0}
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
_ROOTS = {"low": 110.0, "middle": 261.6, "high": 587.3}
_CHORDS = ((0, 2, 4), (3, 5, 7), (4, 6, 8), (0, 2, 4))
"""Degrees of the scale: tonic, subdominant, dominant, tonic; a bar each."""
_ONSETS = {
    "held": (0.0,),
    "straight": (0.0, 1.0, 2.0, 3.0),
    "swung": (0.0, 0.67, 1.0, 1.67, 2.0, 2.67, 3.0, 3.67),
    "offbeat": (0.5, 1.5, 2.5, 3.5),
    "rolling": tuple(step / 4 for step in range(16)),
}
"""Where notes begin in a bar of four beats."""


class _Voice(NamedTuple):
    overtones: tuple[tuple[float, float], ...]
    """(multiple of the pitch, loudness)."""
    attack: float
    """Seconds until the note is there."""
    decay: float
    """Seconds after which it has sunk to a third."""
    noise: float = 0.0


_VOICES = {
    "piano": _Voice(tuple((float(k), 1 / k**1.5) for k in range(1, 8)), 0.005, 0.5),
    "strings": _Voice(tuple((float(k), 1 / k) for k in range(1, 11)), 0.12, 8.0),
    "flute": _Voice(((1.0, 1.0), (2.0, 0.15)), 0.05, 8.0, 0.08),
    "organ": _Voice(((1.0, 1.0), (2.0, 0.8), (4.0, 0.6), (8.0, 0.4)), 0.01, 8.0),
    "guitar": _Voice(tuple((float(k), 1 / k) for k in range(1, 13)), 0.003, 0.15),
    "bells": _Voice(((1.0, 1.0), (2.76, 0.7), (5.4, 0.5), (8.93, 0.3)), 0.002, 0.4),
}


def make_tune(tune: dict[str, str], rng: np.random.Generator, seconds: float) -> Floats:
    """Return a piece between -1 and 1.

    Args:
        tune: its tempo, mode, instrument, beat and register.
        rng: key, melody, loudness and hiss, which carry nothing.
        seconds: how long.

    Shapes:
        -> float32[seconds · RATE].
    """
    sound = np.zeros(round(seconds * RATE), dtype=np.float32)
    beat = 60 / _BEATS_A_MINUTE[tune["tempo"]] * 2 ** rng.normal(scale=0.03)
    voice, scale = _VOICES[tune["instrument"]], _SCALES[tune["mode"]]
    root = _ROOTS[tune["register"]] * 2 ** (rng.integers(-3, 4) / 12)
    step = int(rng.integers(0, 5))
    for bar in range(math.ceil(seconds / (4 * beat))):
        onsets = [4 * bar + onset for onset in _ONSETS[tune["beat"]]]
        for degree in _CHORDS[bar % len(_CHORDS)]:
            _add(sound, _pitch(root / 2, degree, scale), voice, onsets[0] * beat, 4 * beat, 0.3, rng)
        for begin, end in pairwise([*onsets, 4 * bar + 4]):
            step = int(np.clip(step + rng.integers(-2, 3), -2, 9))
            _add(sound, _pitch(root, step, scale), voice, begin * beat, (end - begin) * beat, 1.0, rng)
    sound /= np.abs(sound).max()
    _tick(sound, beat, rng)
    sound *= rng.uniform(0.35, 0.6) / np.abs(sound).max()
    return faded(sound + 0.0004 * rng.standard_normal(len(sound), dtype=np.float32))


def write_flac(path: Path, sound: Floats) -> None:
    """Write a sound as 16-bit FLAC.

    Raises:
        MissingExtraError: soundfile is not installed.
    """
    try:
        import soundfile
    except ImportError as error:
        raise missing_extra("soundfile", "media", "writing music") from error
    soundfile.write(path, as_pcm(sound), RATE, format="FLAC", subtype="PCM_16")


def _pitch(root: float, degree: int, scale: tuple[int, ...]) -> float:
    octave, step = divmod(degree, len(scale))
    return float(root * 2 ** (octave + scale[step] / 12))


def _tick(sound: Floats, beat: float, rng: np.random.Generator) -> None:
    """Add a short noise on every beat, as a hi-hat does, in place."""
    n = round(0.06 * RATE)
    tick = 0.5 * rng.standard_normal(n, dtype=np.float32) * np.exp(-np.arange(n, dtype=np.float32) / (0.015 * RATE))
    for first in range(0, len(sound), round(beat * RATE)):
        sound[first : first + n] += tick[: len(sound) - first]


def _add(
    sound: Floats, hertz: float, voice: _Voice, start: float, seconds: float, loud: float, rng: np.random.Generator
) -> None:
    """Add a note in place, as far as it lies within the sound."""
    first = round(start * RATE)
    n = min(round((seconds + 0.05) * RATE), len(sound) - first)
    if n <= 0:
        return
    time = np.arange(n, dtype=np.float32) / np.float32(RATE)
    turns = np.float32(2 * np.pi * hertz) * time
    tones = [
        np.float32(volume) * np.sin(np.float32(multiple) * turns)
        for multiple, volume in voice.overtones
        if multiple * hertz < RATE / 2
    ]
    note = np.sum(tones, axis=0, dtype=np.float32)
    if voice.noise:
        note += np.float32(voice.noise) * rng.standard_normal(n, dtype=np.float32)
    release = np.minimum(1, (np.float32(seconds + 0.05) - time) / np.float32(0.05))
    note *= np.minimum(1, time / np.float32(voice.attack)) * np.exp(-time / np.float32(voice.decay)) * release
    sound[first : first + n] += np.float32(loud) * note
