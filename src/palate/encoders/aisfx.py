"""Sound effects by aisfx and ONNX Runtime, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.fingerprint import fingerprint
from palate.core.types import Floats
from palate.core.weights import WeightSource, derived, fetch
from palate.encoders._aisfx import write_graph
from palate.encoders._base import Encoder
from palate.encoders._sessions import mean_features, session
from palate.encoders._sounds import check_libraries, read_sound
from palate.encoders._spectra import htk_bands, log_bands
from palate.encoders._torch_pickle import read_state_dict
from palate.interfaces import Raw

SOURCE = WeightSource(
    "pypi:aisfx==0.1.2",
    "aisfx/models/checkpoint.pth",
    "499ea75909c932a2f94c35fa722fa4fabc5bcb7e84917209cc5f7402627b7eb5",
    "bfe219950715af179e9a1653e7117cc1852baef267cd6596c42cad74afe1d194",
    "CC-BY-4.0",
    24_900_277,
)
RATE, SIZE, HOP, BANDS = 44_100, 2048, 1024, 96
BLOCK, STEP = 100, 50
"""Frames of a block, 2.3 s, and from one block to the next."""
LARGEST = 9.457798957824707
"""The largest number of the spectra that it was trained on."""


class AisfxConfig(Config):
    """Settings of `aisfx`."""

    max_seconds: float = Field(default=10.0, gt=0)
    """How much of a sound is read, from its start; each ten seconds cost as much again."""


class Aisfx(Encoder[AisfxConfig]):
    """aisfx, trained to sort libraries of sound effects: 512 numbers a sound.

    Ma and Lerch, ISMIR 2022. 44.1 kHz, frames of 46 ms every 23 ms, 96 mel bands x, log10(10,000 x + 1) / 9.458; the mean over
    blocks of 2.3 s that overlap by half, what is left of the last one is not heard. A shorter sound is filled up with silence.
    """

    name = "aisfx"
    modality = "audio"
    version = 2
    config_type = AisfxConfig
    weights = (SOURCE,)
    batch = 8

    @property
    def dim(self) -> int:
        """512."""
        return 512

    @cached_property
    def _session(self) -> Any:
        key = fingerprint(self.name, self.version, SOURCE.sha256)
        return session(derived(key, "graph.onnx", lambda path: write_graph(read_state_dict(fetch(SOURCE)), path)))

    def prepare(self) -> None:
        """Fetch the weights where the cache lacks them, build the graph, load it.

        Raises:
            MissingExtraError: the `media` extra is not installed.
            WeightsError: the weights cannot be had.
        """
        check_libraries()
        self._session  # noqa: B018  made on first use

    def decode(self, raw: Raw) -> Floats:
        """Return the blocks of a sound, float32[blocks, 100, 96]."""
        return blocks(read_sound(Path(raw), self.config.max_seconds, RATE))

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        return np.stack([mean_features(self._session, "blocks", sound) for sound in batch])


def blocks(samples: Floats) -> Floats:
    """Cut a sound at 44.1 kHz into blocks of log-mel bands: float32[n] -> float32[blocks, 100, 96]."""
    bands = log_bands(samples, np.hanning(SIZE), HOP, htk_bands(BANDS, SIZE, RATE), mirrored=False) / np.float32(
        LARGEST
    )
    count = max(1, 1 + (len(bands) - BLOCK) // STEP)
    filled = np.pad(bands, ((0, max(0, BLOCK - len(bands))), (0, 0)))
    return np.stack([filled[STEP * number : STEP * number + BLOCK] for number in range(count)])
