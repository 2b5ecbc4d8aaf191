"""Texts by vectors of their words, which are trained on the catalogue itself."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Self

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from palate.core.config import Config
from palate.core.errors import DataError, missing_extra
from palate.core.state import State
from palate.core.types import JSON, Floats
from palate.encoders._base import Encoder
from palate.encoders._texts import read_text
from palate.encoders._words import reader, terms_of
from palate.interfaces import Raw


class Word2VecConfig(Config):
    """Settings of `word2vec`."""

    dim: int = Field(default=128, ge=2)
    """Numbers a word, and so a text."""
    window: int = Field(default=5, ge=1)
    """How many words before and after a word are its company."""
    negative: int = Field(default=5, ge=1)
    """Random words that each pair of neighbours is told apart from."""
    epochs: int = Field(default=10, ge=1)
    """Times that the catalogue is read."""
    min_count: int = Field(default=1, ge=1)
    """Words that occur less often are unknown."""
    max_terms: int = Field(default=50_000, ge=1)
    """The most frequent words that are kept."""
    smoothing: float = Field(default=1e-3, gt=0)
    """a of the weight a / (a + p): the smaller it is, the less do frequent words count."""
    remove: bool = True
    """Whether what all texts have in common, their first principal direction, is taken out."""
    max_length: int = Field(default=20_000, ge=1)
    """Characters of a text that are read."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of the first vectors and of the random words."""


class Word2Vec(Encoder[Word2VecConfig]):
    """Skip-gram vectors of words, averaged by smooth inverse frequency.

    Mikolov et al. 2013, arXiv:1310.4546, with negative sampling; v = Σ a / (a + p(w)) · v_w / n over the n known words
    of a text, less its projection on the first right singular vector of all texts of the catalogue (Arora, Liang and Ma,
    "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017, algorithm 1), at unit length. `terms_of`
    tells what a word is. Training keeps to one thread, so that it always gives the same vectors.

    Missing data:
        A text without a known word, or with nothing but what all have in common, has no vector.
    """

    name = "word2vec"
    modality = "text"
    version = 2
    config_type = Word2VecConfig
    batch = 512
    learns = True
    emptiness = "none of its words is known or tells it from other texts"

    terms: tuple[str, ...] = ()
    words: Floats
    common: Floats

    @property
    def dim(self) -> int:
        """As many as were asked for."""
        return self.config.dim

    def _weights(self) -> JSON:
        return reader()

    def fit(self, raw: Sequence[Raw | None]) -> Self:
        """Train on all texts.

        Raises:
            DataError: no word occurs often enough.
            MissingExtraError: the `text` extra is not installed.
        """
        texts = [text for text in (self.decode(entry) for entry in raw if entry is not None) if text is not None]
        sentences = [_cut(text) for text in texts]
        count = Counter(word for words in sentences for word in words)
        frequent = {word: n for word, n in count.items() if n >= self.config.min_count}
        if not frequent:
            least = self.config.min_count
            raise DataError(
                f"word2vec learns from words, and none of the {len(texts)} texts has one that occurs {least} times"
            )
        self.terms = tuple(sorted(frequent, key=lambda word: (-frequent[word], word))[: self.config.max_terms])
        self.__dict__.pop("_places", None)
        known = [[word for word in words if word in self._places] for words in sentences]
        share = np.array([count[term] for term in self.terms]) / count.total()
        weight = self.config.smoothing / (self.config.smoothing + share)
        self.words = (self._trained(known) * weight[:, None]).astype(np.float32)
        self.common = self._first_direction(known)
        return self

    def _trained(self, sentences: list[list[str]]) -> Floats:
        """Return float32[terms, dim]."""
        try:
            from gensim.models import Word2Vec as Trainer
        except ImportError as error:
            raise missing_extra("gensim", "text", "training word2vec") from error
        config = self.config
        with threadpool_limits(1, user_api="blas"):
            trainer = Trainer(
                sentences, vector_size=config.dim, window=config.window, negative=config.negative, epochs=config.epochs,
                min_count=1, sample=1e-3, sg=1, seed=config.seed, workers=1, hashfxn=_hash,
            )  # fmt: skip
        return np.asarray(trainer.wv[list(self.terms)], np.float32)

    def _first_direction(self, sentences: list[list[str]]) -> Floats:
        """Return the first right singular vector of the catalogue's texts, or nothing where it is to stay."""
        if not self.config.remove or len(sentences) < _FEW:
            return np.zeros(self.config.dim, np.float32)
        means = np.stack([self._mean(words) for words in sentences if words]).astype(np.float64)
        with threadpool_limits(1, user_api="blas"):
            direction = np.linalg.eigh(means.T @ means)[1][:, -1]
        return np.asarray(direction * np.sign(direction[np.abs(direction).argmax()]), np.float32)

    def decode(self, raw: Raw) -> str | None:
        """Return the text as `read_text` cleans it."""
        return read_text(raw, self.config.max_length)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}

    def _mean(self, words: Sequence[str]) -> Floats:
        places = [place for place in map(self._places.get, words) if place is not None]
        return self.words[places].mean(axis=0) if places else np.zeros(self.config.dim, np.float32)

    def _encode(self, batch: Sequence[str]) -> Floats:
        if not self.terms:
            raise DataError("word2vec has learned no words yet: fit it on the texts of a catalogue first")
        means = np.stack([self._mean(_cut(text)) for text in batch])
        rest = means - (means @ self.common)[:, None] * self.common
        before, after = (np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (means, rest))
        told = after > _FAINT * before
        return np.where(told, rest / np.where(told, after, 1), np.nan).astype(np.float32)

    def state(self) -> State:
        """The words, their weighted vectors, and the direction that all texts have in common."""
        if not self.terms:
            return State()
        return State({"words": self.words, "common": self.common}, {"terms": list(self.terms)})

    def load_state(self, state: State) -> Self:
        """Take over what another instance learned; this needs no gensim."""
        if state.arrays:
            self.terms = tuple(state.meta["terms"])
            self.words, self.common = state.arrays["words"], state.arrays["common"]
            self.__dict__.pop("_places", None)
        return self


_FEW = 10
"""With fewer texts, what they have in common is most of what they are."""
_FAINT = 1e-4
"""Of a mean's length, what must be left; less is rounding."""


def _cut(text: str) -> list[str]:
    return terms_of(text, words=(1, 1))


def _hash(word: str) -> int:
    """Return the same number in every process, which Python's own hash does not."""
    return zlib.crc32(word.encode())
