"""What every encoder shares: a fingerprint, and the rule that what is missing stays missing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from palate.augment import Views
from palate.core.errors import ConfigError, DataError
from palate.core.fingerprint import fingerprint
from palate.core.part import C, Part
from palate.core.types import JSON, Floats, Mask
from palate.core.weights import WeightSource
from palate.data.features import EncoderRef
from palate.encoders._texts import reading
from palate.interfaces import Raw


class BrokenInput(DataError):
    """A text or a file that cannot be read; the message is the reason, written for the quarantine."""


class EmptyInput(BrokenInput):
    """A file that can be read and holds nothing to encode, such as silence: missing, and the message says why."""


class Encoder(Part[C], ABC):
    """Base of the encoders: `decode` one input and `_encode` a batch are what a new one writes.

    Both run in several threads at once, so they must not change the encoder; each call should keep to one core.

    Missing data:
        `decode` gives None where there is nothing (an empty text), and raises BrokenInput where there is something
        that cannot be read, EmptyInput where it can and is empty: both rows are absent, with the reason. `encode` marks every None absent; it never invents a vector.
    """

    modality: ClassVar[str]
    scheme: ClassVar[str] = ""
    """The word before the colon where a model is chosen with the encoder, as in hf:org/name; see `named`."""
    weights: ClassVar[tuple[WeightSource, ...]] = ()
    """The pretrained files, unless settings choose others."""
    version: ClassVar[int] = 1
    """Raised whenever the same input and settings give other vectors."""
    batch: ClassVar[int] = 32
    """How many inputs `encode` is best given at once."""
    learns: ClassVar[bool] = False
    """Whether `fit` learns something from the catalogue, so that its vectors depend on more than one input."""
    beside: ClassVar[Mapping[str, str]] = {}
    """Encoders of what it leaves to parts of their own, by the view of the column: `--video video` makes `clip.motion` too."""
    stand_in: ClassVar[bool] = False
    """Whether the likeness of its vectors to those of other modalities is so weak that a search follows it only for items
    that lack what is asked for."""
    emptiness: ClassVar[str] = "nothing in it that the encoder can use"
    """The reason when an input can be read and yet gives no vector."""
    views: Views | None = None
    """Of what views of an input, itself among them, its vector is the mean when a column is encoded; None takes it alone."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Width of a vector."""

    @cached_property
    def _identity(self) -> str:
        read = (reading(),) if self.modality == "text" else ()
        return fingerprint(self.name, self.version, self.config, self._weights(), *read)

    @property
    def fingerprint(self) -> str:
        """Digest of the name, the settings, the weights and what was learned, and of the views where there are some."""
        return self._alone if self.views is None else fingerprint(self._alone, self.views.fingerprint)

    @property
    def _alone(self) -> str:
        return fingerprint(self._identity, self.state().fingerprint)

    @property
    def space(self) -> str:
        """The name of the space that its vectors lie in: its own, or one that encoders of several modalities share.

        The cosine of vectors of one space means likeness, whatever each was made from, and of however many views.
        """
        return self._alone

    def with_views(self, views: Views) -> Self:
        """Return the same encoder, for columns in which the vector of a value is the mean of those of its views.

        It is the pipeline that makes the views: `decode` and `encode` read one input as before, and so are questions read.

        Raises:
            ConfigError: the methods act on other media than the encoder reads.
        """
        if views.modality != self.modality:
            raise ConfigError(
                f"'{views.methods[0].name}' acts on {views.modality} and the encoder '{self.name}' reads {self.modality}: "
                "choose another method ('palate augmentations' lists them)"
            )
        other = copy(self)
        other.views = views if views.count > 1 else None
        return other

    @property
    def taught(self) -> Mapping[str, JSON] | None:
        """Which interactions it learned from, as `palate.data.taught` tells it; None where it learned from none."""
        return None

    def for_queries(self) -> Self:
        """Return the encoder of what is searched for: itself, unless questions are encoded in another way than items."""
        return self

    def companion(self, modality: str) -> Encoder[Any] | None:
        """Return what encodes another modality into the same space, so that it can be asked for in that modality.

        Nothing is fetched or loaded before the companion is used. None where there is none.
        """
        return None

    def _weights(self) -> JSON:
        """Return what tells the pretrained weights apart; None where there are none."""
        return [source.sha256 for source in self.weights] or None

    def sources(self) -> tuple[WeightSource, ...]:
        """Return the pretrained files that are fetched for these settings."""
        return self.weights

    def prepare(self) -> None:
        """Fetch and load what `decode` and `encode` need, before workers start."""

    def fit(self, raw: Sequence[Raw | None]) -> Self:
        """Learn from the inputs of a whole catalogue; a pretrained encoder learns nothing."""
        return self

    @abstractmethod
    def decode(self, raw: Raw) -> Any:
        """Read one input: a text, or the path of a media file; None where it holds nothing.

        Raises:
            BrokenInput: it cannot be read, or (EmptyInput) holds nothing and should.
        """

    def encode(self, decoded: Sequence[Any]) -> tuple[Floats, Mask]:
        """Turn a batch into vectors.

        Shapes:
            b inputs -> float32[b, dim], bool[b].
        Missing data:
            None gives an absent row, as does an input without anything to go by.
        """
        present = np.array([item is not None for item in decoded], dtype=bool)
        values = np.zeros((len(decoded), self.dim), dtype=np.float32)
        if present.any():
            found = self._encode([item for item in decoded if item is not None])
            sound = np.isfinite(found).all(axis=1)
            present[present] = sound
            values[present] = found[sound]
        return values, present

    @abstractmethod
    def _encode(self, batch: Sequence[Any]) -> Floats:
        """Return float32[b, dim] for a batch without None; a row of NaN where there is nothing to go by."""

    def reference(self) -> EncoderRef:
        """Return what a dataset or a bundle remembers of this encoder."""
        state = self.state()  # first: of a hub model it makes the settings name the commit
        views = None if self.views is None else self.views.spec()
        return EncoderRef(self.name, self.config.model_dump(mode="json"), state, views)
