"""A few inputs of each kind to try an encoder on: generated, so that every machine has the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from palate.core.types import Floats
from palate.interfaces import Raw

_N = 48
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
"""Formants in Hz of five vowels: Peterson and Barney, *Control methods used in a study of the vowels*, 1952."""


def samples(modality: str, folder: Path) -> list[Raw]:
    """Return inputs of a modality, files in the empty folder among them; none where it is not known how they look."""
    return _MAKERS[modality](folder) if modality in _MAKERS else []


def voice(number: int, seconds: float = 5.0) -> Floats:
    """Return vowels one after another, at 16 kHz: what a voice detector takes for speech, so that it is listened to.

    A pulse train of moving pitch through three resonances a vowel (Klatt, *Software for a cascade/parallel formant
    synthesizer*, Journal of the Acoustical Society of America 67(3), 1980).

    Shapes:
        float32[16000 * seconds].
    """
    from scipy.signal import lfilter

    rng, rate = np.random.default_rng(number), 16_000
    time = np.arange(int(rate * seconds)) / rate
    pitch = (110 + 40 * number % 120) * (1 + 0.12 * np.sin(2 * np.pi * 0.6 * time + number))
    breath = 0.02 * rng.normal(size=len(time))
    source, spoken = np.diff(np.floor(np.cumsum(pitch) / rate), prepend=0.0) + breath, []
    for syllable in np.array_split(source, int(5 * seconds)):
        for formant in _VOWELS[rng.integers(len(_VOWELS))]:
            radius = np.exp(-np.pi * 100 / rate)
            syllable = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * formant / rate), radius**2], syllable)
        spoken.append(syllable * np.sqrt(np.sin(np.linspace(0, np.pi, len(syllable)))))
    sound = np.concatenate(spoken)
    return np.asarray(0.5 * sound / np.abs(sound).max(), np.float32)


def _of_shop(column: str, folder: Path, **settings: float) -> list[str]:
    from palate.data.worlds.shop import Shop

    Shop(n_items=_N, n_users=4, n_events=40, **settings).write(folder / "shop")
    return pl.read_csv(folder / "shop" / "items.csv")[column].drop_nulls().to_list()


def _texts(folder: Path) -> list[Raw]:
    return list(_of_shop("description", folder, clips=0))


def _pictures(folder: Path) -> list[Raw]:
    return [folder / "shop" / path for path in _of_shop("picture", folder, clips=0, picture_size=320)]


def _sounds(folder: Path) -> list[Raw]:
    return [folder / "shop" / path for path in _of_shop("sound", folder, clips=0, sound_seconds=5)]


def _clips(folder: Path) -> list[Raw]:
    return [folder / "shop" / path for path in _of_shop("clip", folder, clips=0.25)]


def _series(folder: Path) -> list[Raw]:
    rng = np.random.default_rng(0)
    return [json.dumps(rng.normal(size=365).cumsum().round(3).tolist()) for _ in range(_N)]


def _rows(folder: Path) -> list[Raw]:
    kinds = ("lamp", "mug", "chair")
    return [
        json.dumps({"price": 3.5 * n, "kind": kinds[n % 3], "since": f"2026-01-{1 + n % 28:02}"}) for n in range(_N)
    ]


def _places(folder: Path) -> list[Raw]:
    return [f"{3.5 * n - 80}, {7 * n - 170}" for n in range(_N)]


def _points(folder: Path) -> list[Raw]:
    rng = np.random.default_rng(0)
    paths: list[Raw] = []
    for n in range(_N):
        paths.append(folder / f"{n}.npy")
        np.save(folder / f"{n}.npy", rng.normal(size=(2000, 3)) * [1, 1, n / _N])
    return paths


_MAKERS: dict[str, Callable[[Path], list[Raw]]] = {
    "text": _texts, "image": _pictures, "audio": _sounds, "video": _clips, "series": _series, "table": _rows,
    "geo": _places, "points": _points,
}  # fmt: skip
