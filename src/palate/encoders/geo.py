"""Places on the globe: vectors that are as alike as the places are near, at several scales."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.types import Floats
from palate.encoders._base import BrokenInput, Encoder
from palate.encoders._numbers import Numbers, number, read_bytes, split
from palate.interfaces import Raw

RADIUS = 6371.0088
"""Of the Earth, its mean, in km."""
_LATITUDE = ("lat", "latitude")
_LONGITUDE = ("lon", "lng", "long", "longitude")


class GeoConfig(Config):
    """Settings of `geo`."""

    scales: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = (1.0, 10.0, 100.0, 1000.0)
    """Distances in km at which places begin to differ."""
    waves: int = Field(default=64, ge=1, le=4096)
    """Random frequencies a scale; each gives two numbers."""
    seed: int = Field(default=0, ge=0)
    """Of the frequencies."""


class Geo(Encoder[GeoConfig]):
    """Latitude and longitude: the point on the unit sphere, and random Fourier features of it at 1, 10, 100 and 1,000 km.

    Rahimi and Recht 2007. With x the point in km, w normal with deviation 1/s: cos(w·x) and sin(w·x) over √waves, so that
    the product of two such vectors is about exp(-d²/2s²), d the straight distance. Every block has norm 1 and the vector
    too: the cosine is the mean over the scales, and the cosine of the angle between the places as seen from the centre. There
    is no seam at the date line and none at the poles.

    Units:
        Degrees; latitude -90 to 90 (north), longitude -180 to 360 (east). A cell holds "48.85, 2.35", a JSON list of both, or
        an object with lat and lon.
    """

    name = "geo"
    modality = "geo"
    version = 2
    config_type = GeoConfig
    batch = 4096

    @property
    def dim(self) -> int:
        """Three coordinates, and two numbers a wave."""
        return 3 + 2 * self.config.waves * len(self.config.scales)

    def decode(self, raw: Raw) -> tuple[float, float] | None:
        """Return latitude and longitude.

        Raises:
            BrokenInput: it is no pair of numbers, or one of them is out of range.
        """
        text = read_bytes(raw).decode("utf-8", "replace") if isinstance(raw, Path) else raw
        words = _words(text.strip())
        if not any(word.strip() for word in words):
            return None
        if len(words) != 2:
            raise BrokenInput(f"the cell or file holds {len(words)} numbers where latitude and longitude should be")
        latitude, longitude = map(number, words)
        if np.isnan(latitude) and np.isnan(longitude):
            return None
        for what, value, low, high in (("latitude", latitude, -90, 90), ("longitude", longitude, -180, 360)):
            if not low <= value <= high:
                raise BrokenInput(f"the {what} is {value:g} in the cell or file: it is to lie between {low} and {high}")
        return latitude, longitude

    @cached_property
    def _frequencies(self) -> list[Numbers]:
        rng = np.random.default_rng(self.config.seed)
        return [rng.normal(size=(3, self.config.waves)) * RADIUS / scale for scale in self.config.scales]

    def _encode(self, batch: Sequence[tuple[float, float]]) -> Floats:
        latitude, longitude = np.radians(np.array(batch, np.float64)).T
        flat = np.cos(latitude)
        point = np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)
        blocks = [point]
        for frequencies in self._frequencies:
            phase = point @ frequencies
            blocks.append(np.concatenate([np.cos(phase), np.sin(phase)], axis=1) / np.sqrt(self.config.waves))
        return np.asarray(np.concatenate(blocks, axis=1) / np.sqrt(len(blocks)), dtype=np.float32)


def _words(text: str) -> list[str]:
    if text[:1] not in ("[", "{"):
        return split(text)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenInput(f"the cell or file begins as JSON and is none ({error})") from error
    if isinstance(found, dict):
        plain = {str(key).lower(): value for key, value in found.items()}
        if plain and not plain.keys() & {*_LATITUDE, *_LONGITUDE}:
            raise BrokenInput("the cell or file holds an object with neither lat nor lon")
        found = [next((plain[name] for name in names if name in plain), None) for names in (_LATITUDE, _LONGITUDE)]
    return ["" if value is None else str(value) for value in found]
