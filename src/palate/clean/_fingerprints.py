"""Fingerprints of pictures and sounds, which stay much the same when a file is packed, scaled or made softer."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from palate.clean._alike import Bits
from palate.clean._blank import colour_if_blank
from palate.clean._loudness import QUIET
from palate.data.media import MAX_PIXELS, picture_kinds

PICTURE, PICTURE_APART = 64 + 48, 6
SOUND, SOUND_APART = 256, 40
"""Bits of a fingerprint, and how many of them may differ between the same and the same."""
_SECONDS = 60
_LOWEST, _HIGHEST = 200.0, 4_000.0
"""Hertz: what every way of packing a sound keeps."""


def of_picture(path: Path) -> Bits | None:
    """Return the perceptual hash of a picture (its lowest 64 cosine waves, each above or below their median; imagehash), and
    its colours: whether each channel is above 1, 2, 3 or 4 fifths in each quarter. None where it cannot be opened or is
    of one colour.

    Shapes:
        -> uint8[112].
    """
    import imagehash

    try:
        with Image.open(path, formats=picture_kinds()) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            picture.draft("RGB", (128, 128))
            if colour_if_blank(picture) is not None:
                return None
            seen = picture.convert("RGB")
    except Exception:  # noqa: BLE001  decoders raise anything on damaged input, of which `of_files` tells
        return None
    shape = np.asarray(imagehash.phash(seen).hash).ravel()
    quarters = np.asarray(seen.resize((2, 2), Image.Resampling.BOX)).ravel()
    colours = (quarters[:, None] > 51 * np.arange(1, 5)).ravel()
    return np.concatenate([shape, colours]).astype(np.uint8)


def of_sound(path: Path) -> Bits | None:
    """Return whether, from one of seventeen moments to the next, each of seventeen bands gains on the band above it.

    Haitsma and Kalker, "A highly robust audio fingerprinting system" (ISMIR 2002), section 4.2, over the whole of the first
    minute instead of frames. None where it cannot be opened, is shorter than a tenth of a second, or is silent.

    Shapes:
        -> uint8[256].
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as sound:
            rate = sound.samplerate
            heard = sound.read(_SECONDS * rate, dtype="float32", always_2d=True).mean(axis=1)
    except (soundfile.LibsndfileError, OSError):
        return None
    if len(heard) < rate // 10 or float(np.ptp(heard)) * 32_768 < QUIET:
        return None
    energy = _energy(heard, rate)
    slope = energy[:, :-1] - energy[:, 1:]
    return (slope[1:] > slope[:-1]).ravel().astype(np.uint8)


def _energy(heard: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float64]:
    """Return the logarithm of the energy in seventeen moments and seventeen bands, float64[17, 17]."""
    edges = np.geomspace(_LOWEST, min(_HIGHEST, rate / 2), 18)
    rows = []
    for moment in np.array_split(heard, 17):
        power = np.square(np.abs(np.fft.rfft(moment * np.hanning(len(moment)))))
        cuts = np.searchsorted(np.fft.rfftfreq(len(moment), 1 / rate), edges)
        rows.append([power[low : max(high, low + 1)].sum() for low, high in pairwise(cuts)])
    return np.log(np.array(rows) + 1e-9)
