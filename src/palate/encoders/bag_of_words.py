"""Texts by the words they have, and nothing else: numbers that can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.core.errors import DataError
from palate.core.state import State
from palate.core.types import JSON, Floats
from palate.encoders._base import Encoder
from palate.encoders._texts import read_text
from palate.encoders._words import Grams, Range, reader, terms_of
from palate.interfaces import Raw


class BagOfWordsConfig(Grams):
    """Settings of `bag-of-words`."""

    words: Range | None = (1, 1)
    """From how many to how many neighbouring words make a term; None counts no words."""
    dim: int = Field(default=1000, ge=1)
    """Terms, at most: those that most texts have."""
    max_share: float = Field(default=0.5, gt=0, le=1)
    """Terms in more than this share of the texts, as "the", are left out, unless nothing else is there."""
    binary: bool = False
    """Whether a term counts once however often it is there."""
    max_length: int = Field(default=20_000, ge=1)
    """Characters of a text that are read."""


class BagOfWords(Encoder[BagOfWordsConfig]):
    """How often each frequent term of the catalogue is in a text: log(1 + n), at unit length.

    Harris 1954, "Distributional structure". Number j of a vector belongs to `terms[j]`, and the terms are sorted by the
    number of texts that have them, so that fewer `dim` are the first ones. `terms_of` tells what a term is.

    Missing data:
        A text with none of the terms has no vector.
    """

    name = "bag-of-words"
    modality = "text"
    version = 2
    config_type = BagOfWordsConfig
    batch = 512
    learns = True
    emptiness = "none of its words is among the terms"

    terms: tuple[str, ...] = ()
    frequency: npt.NDArray[np.int64]
    """How many texts of the catalogue have each term."""

    @property
    def dim(self) -> int:
        """As many as were learned; before that, as many as were asked for."""
        return len(self.terms) or self.config.dim

    def _weights(self) -> JSON:
        return reader()

    def fit(self, raw: Sequence[Raw | None]) -> Self:
        """Learn the most frequent terms.

        Raises:
            DataError: there is no word in any text.
        """
        texts = [text for text in (self.decode(entry) for entry in raw if entry is not None) if text is not None]
        frequency: Counter[str] = Counter()
        for text in texts:
            frequency.update(set(self._cut(text)))
        if not frequency:
            raise DataError(f"bag-of-words learns from words, and none of the {len(texts)} texts has one")
        telling = {term: n for term, n in frequency.items() if n <= self.config.max_share * len(texts)} or frequency
        self.terms = tuple(sorted(telling, key=lambda term: (-telling[term], term))[: self.config.dim])
        self.frequency = np.array([telling[term] for term in self.terms], np.int64)
        self.__dict__.pop("_places", None)
        return self

    def decode(self, raw: Raw) -> str | None:
        """Return the text as `read_text` cleans it."""
        return read_text(raw, self.config.max_length)

    def _cut(self, text: str) -> list[str]:
        return terms_of(text, self.config.words, self.config.characters)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}

    def _encode(self, batch: Sequence[str]) -> Floats:
        if not self.terms:
            raise DataError("bag-of-words has learned no terms yet: fit it on the texts of a catalogue first")
        counts = np.zeros((len(batch), self.dim), np.float32)
        for row, text in enumerate(batch):
            for place, n in self._counted(self._cut(text)):
                counts[row, place] = np.log1p(np.float32(n))
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        return np.where(lengths > 0, counts / np.where(lengths > 0, lengths, 1), np.nan).astype(np.float32)

    def _counted(self, terms: Iterable[str]) -> Iterable[tuple[int, int]]:
        """Return the places of the known terms among these, and how often each is there."""
        found = Counter(place for place in map(self._places.get, terms) if place is not None)
        return dict.fromkeys(found, 1).items() if self.config.binary else found.items()

    def state(self) -> State:
        """The terms, and how many texts have each."""
        return State({"frequency": self.frequency}, {"terms": list(self.terms)}) if self.terms else State()

    def load_state(self, state: State) -> Self:
        """Take over what another instance learned."""
        if state.arrays:
            self.terms, self.frequency = tuple(state.meta["terms"]), state.arrays["frequency"]
            self.__dict__.pop("_places", None)
        return self
