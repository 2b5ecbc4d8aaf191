"""Texts by their words, weighted and condensed: learned from the catalogue itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from palate.core.errors import DataError
from palate.core.state import State
from palate.core.types import CSR, JSON, Floats
from palate.encoders._base import Encoder
from palate.encoders._texts import read_text
from palate.encoders._words import Grams, reader, terms_of
from palate.interfaces import Raw


class TfIdfConfig(Grams):
    """Settings of `tf-idf`."""

    dim: int = Field(default=256, ge=1)
    """Numbers a text, at most; a small catalogue gives fewer."""
    max_terms: int = Field(default=50_000, ge=1)
    """The most frequent n-grams that are kept."""
    max_length: int = Field(default=20_000, ge=1)
    """Characters of a text that are read."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of the randomised decomposition."""


class TfIdf(Encoder[TfIdfConfig]):
    """Words, pairs of neighbours and n-grams of characters, by TF-IDF, condensed by a truncated singular value decomposition.

    Deerwester et al. 1990 (latent semantic analysis). (1 + log tf) · (log((1 + n) / (1 + df)) + 1), rows of unit norm,
    times the right singular vectors, unit norm again.
    `terms_of` tells what is counted of Chinese and Japanese texts.

    Missing data:
        A text without a word that was met in `fit`, or with none that the components carry, has no vector.
    """

    name = "tf-idf"
    modality = "text"
    version = 3
    config_type = TfIdfConfig
    batch = 1024
    learns = True
    emptiness = "none of its words is known or weighs anything"

    terms: tuple[str, ...] = ()
    idf: Floats
    components: Floats

    @property
    def dim(self) -> int:
        """As many as were learned; before that, as many as were asked for."""
        return len(self.components) if self.terms else self.config.dim

    def fit(self, raw: Sequence[Raw | None]) -> Self:
        """Learn words, their weights and the components from all texts.

        Raises:
            DataError: there is no word in any of them.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = [text for text in (self.decode(entry) for entry in raw if entry is not None) if text is not None]
        vectorizer = TfidfVectorizer(analyzer=self._analyzer, max_features=self.config.max_terms, **_WEIGHTING)
        try:
            matrix = vectorizer.fit_transform(texts)
        except ValueError as error:
            raise DataError(f"tf-idf learns from words, and none of the {len(texts)} texts has one") from error
        self.terms = tuple(vectorizer.get_feature_names_out().tolist())
        self.idf = vectorizer.idf_.astype(np.float32)
        self.components = _components(matrix, self.config.dim, self.config.seed)
        self.__dict__.pop("_vectorizer", None)
        return self

    def decode(self, raw: Raw) -> str | None:
        """Return the text as `read_text` cleans it."""
        return read_text(raw, self.config.max_length)

    def _weights(self) -> JSON:
        return reader()

    @property
    def _analyzer(self) -> Callable[[str], list[str]]:
        return partial(terms_of, words=self.config.words, characters=self.config.characters)

    @cached_property
    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vocabulary = {term: code for code, term in enumerate(self.terms)}
        vectorizer = TfidfVectorizer(analyzer=self._analyzer, vocabulary=vocabulary, **_WEIGHTING)
        vectorizer.idf_ = self.idf
        return vectorizer

    def _encode(self, batch: Sequence[str]) -> Floats:
        if not self.terms:
            raise DataError("tf-idf has learned no words yet: fit it on the texts of a catalogue first")
        condensed = self._vectorizer.transform(batch) @ self.components.T
        norms = np.linalg.norm(condensed, axis=1, keepdims=True)
        return np.where(norms > _FAINT, condensed / np.maximum(norms, _FAINT), np.nan).astype(np.float32)

    def state(self) -> State:
        """The terms, their weights and the components."""
        if not self.terms:
            return State()
        return State({"idf": self.idf, "components": self.components}, {"terms": list(self.terms)})

    def load_state(self, state: State) -> Self:
        """Take over what another instance learned."""
        if state.arrays:
            self.terms = tuple(state.meta["terms"])
            self.idf, self.components = state.arrays["idf"], state.arrays["components"]
            self.__dict__.pop("_vectorizer", None)
        return self


def _components(matrix: CSR, dim: int, seed: int) -> Floats:
    """Return the first right singular vectors as rows, without those that carry nothing."""
    from sklearn.utils.extmath import randomized_svd

    with threadpool_limits(1):  # the last digits, and so the fingerprint, would tell how many cores there are
        if min(matrix.shape) <= max(dim, _SMALL):
            _, strength, rows = np.linalg.svd(matrix.toarray(), full_matrices=False)
        else:
            _, strength, rows = randomized_svd(matrix, dim, n_iter=4, random_state=seed)
    kept = min(dim, int((strength > 1e-5 * strength[0]).sum()))
    return np.ascontiguousarray(rows[:kept], dtype=np.float32)


_SMALL = 500
_FAINT = 1e-4
"""Of a unit vector's length, what must be left by the components; less is rounding."""
_WEIGHTING: dict[str, Any] = {"sublinear_tf": True, "norm": "l2", "dtype": np.float32}
