"""Music by musicnn and ONNX Runtime, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from palate.core.arrays import map_arrays
from palate.core.config import Config
from palate.core.fingerprint import fingerprint
from palate.core.state import Array, write_arrays
from palate.core.types import Floats
from palate.core.weights import WeightSource, derived, fetch_all
from palate.encoders._base import Encoder
from palate.encoders._musicnn import TAGS, tag_layer, write_graph
from palate.encoders._sessions import mean_features, session
from palate.encoders._sounds import RATE, check_libraries, read_sound
from palate.encoders._spectra import log_bands, slaney_bands
from palate.encoders._tensorflow_checkpoint import read_checkpoint
from palate.interfaces import Raw

_WHEEL = ("pypi:musicnn==0.1.0", "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa", "ISC")
INDEX = WeightSource(
    _WHEEL[0], "musicnn/MTT_musicnn/.index",
    "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57", _WHEEL[1], _WHEEL[2], 4_948,
)  # fmt: skip
DATA = WeightSource(
    _WHEEL[0], "musicnn/MTT_musicnn/.data-00000-of-00001",
    "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab", _WHEEL[1], _WHEEL[2], 9_465_596,
)  # fmt: skip
SIZE, HOP, BANDS = 512, 256, 96
PATCH = 187
"""Frames, which is three seconds."""


LIKELY, MOST = 0.2, 5
"""How probable a tag must be to be named, and how many are named at most. Most tags are rare: 0.2 stands out."""


class MusicnnConfig(Config):
    """Settings of `musicnn`."""

    max_seconds: float = Field(default=30.0, gt=0)
    """How much of a sound is read, from its start; each three seconds cost as much again."""


class Musicnn(Encoder[MusicnnConfig]):
    """musicnn, trained on 50 tags of MagnaTagATune: the layer before the tags, 200 numbers a sound.

    Pons and Serra 2019, arXiv:1909.06654. 16 kHz, frames of 32 ms every 16 ms, 96 mel bands x, log10(10,000 x + 1); the mean
    over patches of three seconds, what is left of the last one is not heard. A shorter sound is repeated, as in training.
    """

    name = "musicnn"
    modality = "audio"
    version = 2
    config_type = MusicnnConfig
    weights = (INDEX, DATA)
    batch = 8

    @property
    def dim(self) -> int:
        """200."""
        return 200

    def prepare(self) -> None:
        """Fetch the weights where the cache lacks them, build the graph, load it.

        Raises:
            MissingExtraError: the `media` extra is not installed.
            WeightsError: the weights cannot be had.
        """
        check_libraries()
        self._session  # noqa: B018  made on first use

    def decode(self, raw: Raw) -> Floats:
        """Return the patches of a sound, float32[patches, 187, 96]."""
        return patches(read_sound(Path(raw), self.config.max_seconds))

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        return np.stack([mean_features(self._session, "patches", sound) for sound in batch])

    def tags(self, vectors: Floats) -> Floats:
        """Return how probable each of `TAGS` is, float32[n, 50], by vectors of this encoder (float32[n, 200])."""
        from scipy.special import expit

        return np.asarray(expit(vectors @ self._layer["kernel"] + self._layer["bias"]), dtype=np.float32)

    def describe(self, values: Floats) -> list[list[str]]:
        """Return for each vector the tags that are probable enough to be named, the most probable first."""
        chances = self.tags(values)
        ordered = np.argsort(-chances, axis=1, kind="stable")[:, :MOST]
        return [
            [TAGS[tag] for tag in row if chance[tag] >= LIKELY] for row, chance in zip(ordered, chances, strict=True)
        ]

    @property
    def _key(self) -> str:
        return fingerprint(self.name, self.version, INDEX.sha256, DATA.sha256)

    @cached_property
    def _session(self) -> Any:
        return session(derived(self._key, "graph.onnx", lambda path: write_graph(_checkpoint(), path)))

    @cached_property
    def _layer(self) -> dict[str, Array]:
        path = derived(self._key, "tags.safetensors", lambda path: write_arrays(path, tag_layer(_checkpoint())))
        return map_arrays(path)


def _checkpoint() -> dict[str, Array]:
    return read_checkpoint(*fetch_all([INDEX, DATA]))


def patches(samples: Floats) -> Floats:
    """Cut a sound at 16 kHz into patches of log-mel bands: float32[n] -> float32[patches, 187, 96]."""
    from scipy.signal import get_window

    short = HOP * (PATCH - 1)
    if len(samples) < short:
        samples = np.resize(samples, short)
    bands = log_bands(samples, get_window("hann", SIZE), HOP, slaney_bands(BANDS, SIZE, RATE), mirrored=True)
    count = len(bands) // PATCH
    return bands[: count * PATCH].reshape(count, PATCH, BANDS)
