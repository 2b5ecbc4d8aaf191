"""A modality as numbers: one row a thing, with a mask of which are there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.fingerprint import fingerprint
from palate.core.state import State
from palate.core.types import JSON, Floats, Mask

Of = Literal["items", "users", "interactions"]


@dataclass(frozen=True, eq=False)
class EncoderRef:
    """Which encoder made a part, so that a query can be encoded the same way later.

    `state` is what the encoder learned from the catalogue (the vocabulary of TF-IDF); empty for a pretrained one.
    """

    name: str
    settings: dict[str, JSON] = field(default_factory=dict)
    state: State = field(default_factory=State)


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Vectors of items, users or interactions.

    Shapes:
        values: float32[n, d]; present: bool[n]. Row = code. Absent rows hold zeros and must not be read.
    Missing data:
        `present` is the fact; a zero vector means nothing.
    """

    values: Floats
    present: Mask
    source: str
    """Fingerprint of everything that made the values: content, encoder, settings, weights."""
    of: Of = "items"
    modality: str = "vector"
    """text, image, audio, video, … or `vector` for ready-made features."""
    encoder: EncoderRef | None = None

    def __repr__(self) -> str:
        by = f" by {self.encoder.name}" if self.encoder else ""
        rows = f"{int(self.present.sum()):,} of {len(self.present):,} {self.of}"
        return f"FeatureTable({rows}, {self.values.shape[1]:,} numbers each, {self.modality}{by})"

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.present.shape != (len(self.values),):
            raise DataError(
                f"features need values [n, d] and present [n]: given {self.values.shape} and {self.present.shape}"
            )
        if self.values.dtype != np.float32 or self.present.dtype != np.bool_:
            raise DataError(
                f"features need float32 values and bool present: given {self.values.dtype} and {self.present.dtype}"
            )
        if not np.isfinite(self.values[self.present]).all():
            raise DataError("features hold NaN or infinite values in rows marked present: mark those rows absent")

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self.values.shape[1])

    @property
    def coverage(self) -> float:
        """Share of rows that are present."""
        return float(self.present.mean()) if len(self.present) else 0.0

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the values that can be read, the mask and the source."""
        return fingerprint(self.values[self.present], self.present, self.source)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, codes: npt.NDArray[np.integer]) -> FeatureTable:
        """Return the rows at `codes`, in that order; -1 gives an absent row."""
        known = codes >= 0
        values = (
            np.where(known[:, None], self.values[np.maximum(codes, 0)], np.float32(0))
            if len(self)
            else np.zeros((len(codes), self.dim), np.float32)
        )
        present = known & self.present[np.maximum(codes, 0)] if len(self) else np.zeros(len(codes), bool)
        return replace(
            self, values=values.astype(np.float32, copy=False), present=present, source=fingerprint(self.source, codes)
        )

    def dropped(self, rows: Mask) -> FeatureTable:
        """Return the same table with these rows made absent."""
        present = self.present & ~rows
        values = np.where(present[:, None], self.values, np.float32(0))
        return replace(self, values=values, present=present, source=fingerprint(self.source, "dropped", rows))


def features_of(values: npt.NDArray[np.floating], source: str = "given", **about: str) -> FeatureTable:
    """Build a table from a plain array; rows that hold NaN are absent.

    Example:
        >>> features_of(np.array([[1.0, 2.0], [np.nan, 0.0]])).present.tolist()
        [True, False]
    """
    present = np.isfinite(values).all(axis=1)
    clean = np.where(present[:, None], values, 0).astype(np.float32)
    return FeatureTable(clean, present, fingerprint(source, clean, present), **about)  # type: ignore[arg-type]
