"""Short sounds: one timbre at one pitch in one rhythm."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats

RATE = 16_000
"""Samples a second."""

TONES = {
    "timbre": ("pure", "reed", "string", "bell", "breath"),
    "pitch": ("lowest", "low", "middle", "high", "highest"),
    "rhythm": ("steady", "beats", "trill", "rising"),
}
"""What a sound can be."""

_HERTZ = {"lowest": 110.0, "low": 220.0, "middle": 440.0, "high": 880.0, "highest": 1760.0}
_OVERTONES = {
    "pure": ((1.0, 1.0),),
    "reed": tuple((float(k), 1 / k) for k in range(1, 16, 2)),
    "string": tuple((float(k), 1 / k) for k in range(1, 13)),
    "bell": ((1.0, 1.0), (2.76, 0.7), (5.4, 0.5), (8.93, 0.3)),
    "breath": (),
}
"""Timbre -> (multiple of the pitch, loudness); breath is noise around the pitch."""


def make_sound(tone: dict[str, str], rng: np.random.Generator, seconds: float) -> Floats:
    """Return a mono sound between -1 and 1.

    Args:
        tone: its timbre, pitch and rhythm.
        rng: tuning, loudness, phase and hiss, which carry nothing.
        seconds: how long.

    Shapes:
        -> float32[seconds · RATE].
    """
    n = round(seconds * RATE)
    time: Floats = (np.arange(n) / RATE).astype(np.float32)
    hertz = np.full(n, _HERTZ[tone["pitch"]] * 2 ** rng.normal(scale=0.05))
    if tone["rhythm"] == "rising":
        hertz *= 2 ** (0.6 * (time / seconds - 0.5))
    sound = _timbre(tone["timbre"], hertz, rng) * _envelope(tone["rhythm"], time, seconds, rng)
    sound *= rng.uniform(0.35, 0.6) / np.abs(sound).max()
    sound += 0.003 * rng.standard_normal(n, dtype=np.float32)
    return faded(sound)


def faded(sound: Floats) -> Floats:
    """Return a sound between -1 and 1 that neither begins nor ends with a click."""
    n = len(sound)
    edge = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.01 * RATE))
    return np.asarray(np.clip(sound * edge, -1, 1), dtype=np.float32)


def write_wav(path: Path, sound: Floats) -> None:
    """Write a sound as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(as_pcm(sound).tobytes())


def as_pcm(sound: Floats) -> npt.NDArray[np.int16]:
    """Return the sound as little-endian 16-bit samples."""
    return np.asarray(sound * 32_767).astype("<i2")


def _timbre(name: str, hertz: npt.NDArray[np.float64], rng: np.random.Generator) -> Floats:
    turns = (2 * np.pi * np.cumsum(hertz) / RATE).astype(np.float32)
    if name == "breath":
        slow = np.convolve(rng.normal(size=len(turns)), np.ones(24) / 24, mode="same")
        return np.asarray(slow * np.sin(turns), dtype=np.float32)
    tones = [
        np.float32(loud) * np.sin(np.float32(multiple) * turns + np.float32(rng.uniform(0, 6.3)))
        for multiple, loud in _OVERTONES[name]
        if multiple * hertz.max() < RATE / 2
    ]
    return np.asarray(np.sum(tones, axis=0), dtype=np.float32)


def _envelope(rhythm: str, time: Floats, seconds: float, rng: np.random.Generator) -> Floats:
    start = rng.uniform(0, 0.1)
    if rhythm == "beats":
        beat = ((time + start) % (seconds / 3)) / (seconds / 3)
        return np.asarray(np.exp(-5 * beat), dtype=np.float32)
    if rhythm == "trill":
        return np.asarray(0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 14 * (time + start))), dtype=np.float32)
    return np.ones(len(time), dtype=np.float32)
