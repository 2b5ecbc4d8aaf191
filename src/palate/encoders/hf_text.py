"""Texts by a model of the hub: sentence-transformers, plain encoders and decoders, the text towers of CLIP and its like."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field

from palate.core.errors import ConfigError, WeightsError
from palate.core.types import Floats
from palate.encoders._hub_encoder import HubConfig, HubEncoder, stacked, unit
from palate.encoders._hub_sentences import Sentences, pool, read_sentences
from palate.encoders._hub_tokens import Tokens, read_tokens
from palate.encoders._hub_torch import floats, inference, libraries, tensor, told
from palate.encoders._texts import read_text
from palate.interfaces import Raw

_TOGETHER = 4096
"""Tokens that the network reads at once, padding among them; bounds the memory."""
_UNMASKED = ("siglip", "siglip2")
"""Architectures trained on texts of one length, whose padding is read like the rest."""

Chunks = list[list[int]]


class HFTextConfig(HubConfig):
    """Settings of `hf-text`."""

    pooling: Literal["auto", "mean", "cls", "last", "max"] = "auto"
    """How a text's tokens become one vector; auto: as the model says, else last for GPT-like ones, mean for others."""
    normalise: bool | None = None
    """Whether vectors have unit length; null: as a sentence-transformers model says, yes for others."""
    max_tokens: int | None = Field(default=None, ge=8)
    """Tokens of a chunk; null: what the model reads, at most 2048."""
    overlap: int = Field(default=32, ge=0)
    """Tokens that each chunk of a long text shares with the one before; at most half of a chunk counts."""
    max_length: int = Field(default=20_000, ge=1)
    """Characters of a text that are read."""
    prompt: str | None = None
    """Put before every text, as in "passage: "; null: as a sentence-transformers model says, nothing for others."""
    query_prompt: str | None = None
    """Put before what is searched for, as in "query: "; null: as such a model says, else as `prompt`."""


class HFText(HubEncoder[HFTextConfig]):
    """A text model of the hub, as in hf:org/name: BERT-like, GPT-like, sentence-transformers, or the text half of CLIP.

    A long text is cut into overlapping chunks, whose vectors are averaged by their numbers of tokens. Tokens of padding
    are masked: what else is in a batch does not move a vector. Radford et al. 2021, arXiv:2103.00020 (CLIP); Reimers and
    Gurevych 2019, arXiv:1908.10084 (sentence-transformers).

    Missing data:
        A text of which the model's tokenizer knows nothing has no vector.
    """

    name = "hf-text"
    modality = "text"
    version = 2
    config_type = HFTextConfig
    shared_when = ("pooling", "normalise")
    _asks = False
    """Whether it encodes what is searched for."""

    @cached_property
    def _model(self) -> Any:
        loaded = self._loaded
        towers = hasattr(loaded, "get_text_features")
        return loaded.get_encoder() if getattr(loaded.config, "is_encoder_decoder", False) and not towers else loaded

    @cached_property
    def _says(self) -> Sentences:
        """What a sentence-transformers folder says; of a plain model, what its architecture suggests."""
        with told(self.hub):
            said = read_sentences(self.hub)
        plain = said is None
        said = said or Sentences(normalise=True)
        if hasattr(self._model, "get_text_features"):
            if self.config.pooling != "auto":
                raise ConfigError(
                    f"pooling was '{self.config.pooling}': {self.hub.name} pools texts itself; leave it at auto"
                )
        elif self.config.pooling != "auto" or plain:
            said = replace(said, pooling=(self._usual() if self.config.pooling == "auto" else self.config.pooling,))
        elif not said.pooling:
            raise WeightsError(
                f"modules.json of {self.hub.name} has no step that pools tokens: choose a pooling for it"
            )
        return said if self.config.normalise is None else replace(said, normalise=self.config.normalise)

    def _usual(self) -> str:
        _, transformers = libraries()
        kind = type(self._model.config)
        causal = (
            kind in transformers.MODEL_FOR_CAUSAL_LM_MAPPING and kind not in transformers.MODEL_FOR_MASKED_LM_MAPPING
        )
        return "last" if causal else "mean"

    @cached_property
    def _tokens(self) -> Tokens:
        config = self._model.config.get_text_config()
        return read_tokens(self.hub, config, self._says.max_tokens, self.config.max_tokens)

    @cached_property
    def _fixed(self) -> int | None:
        """The length to which every text is padded, for models that were trained so."""
        config = self._model.config
        return config.get_text_config().max_position_embeddings if config.model_type in _UNMASKED else None

    @cached_property
    def _filler(self) -> int:
        """The id that padding has; where there is none, or one added after training, any will do, since it is masked."""
        given, words = self._tokens.tokenizer.pad_token_id, self._tokens.words
        return int(given) if given is not None and (words is None or given < words) else 0

    def _try(self) -> Floats:
        with told(self.hub):
            return self._vectors(self._short())

    def _short(self) -> Chunks:
        tokens = self._tokens
        tokens.check_room(self._prompt())
        return [[*tokens.before, *tokens.ids("a"), *tokens.after]]

    def decode(self, raw: Raw) -> Chunks | None:
        """Return the token ids of a text, chunk by chunk.

        Raises:
            BrokenInput: it has a token that the network has no vector for; EmptyInput: the tokenizer knows nothing of it.
        """
        text = read_text(raw, self.config.max_length)
        if text is None:
            return None
        prompt = self._prompt()
        if self._says.lower:
            text, prompt = text.lower(), prompt.lower()
        return self._tokens.chunks(text, prompt, self.config.overlap)

    def for_queries(self) -> Self:
        """Return an encoder that puts the prompt of questions before a text; nothing is fetched yet."""
        asking = type(self)(self.config)
        asking._made_by, asking._asks = self._made_by, True
        return asking

    def _prompt(self) -> str:
        config, says = self.config, self._says
        if self._asks and config.query_prompt is not None:
            return config.query_prompt
        if config.prompt is not None:
            return config.prompt
        return says.prompt("query") if self._asks else says.prompt("document", "passage", "corpus")

    def _encode(self, batch: Sequence[Chunks]) -> Floats:
        mean = self._averaged(batch, self._vectors)
        return unit(mean) if self._says.normalise else mean

    def with_states(self, batch: Sequence[Chunks]) -> tuple[Floats, Floats]:
        """Encode texts, and return the states behind each layer, pooled over tokens and averaged over chunks as vectors are."""
        shapes: list[tuple[int, ...]] = []

        def joined(chunks: Chunks) -> Floats:
            vectors, states = self._read(chunks, layers=True)
            shapes.append(states.shape[1:])
            return np.concatenate([vectors, states.reshape(len(states), -1)], axis=1)

        mean = self._averaged(batch, joined)
        vectors, states = mean[:, : self.dim], mean[:, self.dim :].reshape(len(mean), *shapes[0])
        return unit(vectors) if self._says.normalise else vectors, states

    def shape_of_states(self) -> tuple[int, ...]:
        """Return how many layers there are, the words themselves counted, and how wide they are."""
        return self.with_states([self._short()])[1].shape[1:]

    def _averaged(self, batch: Sequence[Chunks], encode: Callable[[Chunks], Floats]) -> Floats:
        """Encode all chunks, the longest first so that little is padded, and average those of each text."""
        chunks = [chunk for text in batch for chunk in text]
        order = sorted(range(len(chunks)), key=lambda place: -len(chunks[place]))
        groups = list(_groups(order, [len(chunk) for chunk in chunks], self._fixed))
        found = np.concatenate([encode([chunks[place] for place in some]) for some in groups])
        vectors = np.empty_like(found)
        vectors[[place for some in groups for place in some]] = found
        first = np.cumsum([0, *map(len, batch)])[:-1]
        weights = np.array([len(chunk) for chunk in chunks], np.float64)[:, None]
        return (np.add.reduceat(vectors * weights, first) / np.add.reduceat(weights, first)).astype(np.float32)

    def _vectors(self, chunks: Chunks) -> Floats:
        return self._read(chunks)[0]

    def _read(self, chunks: Chunks, layers: bool = False) -> tuple[Floats, Floats]:
        """Run the network on chunks that are padded on the right, where neither kind of attention looks."""
        width = self._fixed or max(map(len, chunks))
        ids = np.full((len(chunks), width), self._filler, np.int64)
        for row, chunk in zip(ids, chunks, strict=True):
            row[: len(chunk)] = chunk
        mask = (np.arange(width) < np.array([[len(chunk)] for chunk in chunks])).astype(np.int64)
        given: dict[str, Any] = {"input_ids": tensor(ids)}
        if not self._fixed:
            given["attention_mask"] = tensor(mask)
        if layers:
            given["output_hidden_states"] = True
        with inference():
            if hasattr(self._model, "get_text_features"):
                out = self._model.get_text_features(**given)
                pooled = [out.pooler_output]
            else:
                out = self._model(**given)
                pooled = [pool(out.last_hidden_state, tensor(mask), how) for how in self._says.pooling]
            vectors = self._says.finish(np.concatenate([floats(part) for part in pooled], axis=1))
            if not layers:
                return vectors, np.empty((len(vectors), 0, 0), np.float32)
            way = (*self._says.pooling, "mean")[0]
            return vectors, stacked(self.hub, [floats(pool(state, tensor(mask), way)) for state in out.hidden_states])


def _groups(order: Sequence[int], lengths: Sequence[int], fixed: int | None) -> Iterator[list[int]]:
    """Yield places whose chunks the network reads together."""
    group: list[int] = []
    for place in order:
        longest = fixed or lengths[group[0] if group else place]
        if group and longest * (len(group) + 1) > _TOGETHER:
            yield group
            group = []
        group.append(place)
    if group:
        yield group
