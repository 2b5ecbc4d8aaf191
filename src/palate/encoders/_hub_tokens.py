"""Texts to token ids as a hub model wants them: its marks around each chunk, its prompt before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from palate.core.errors import ConfigError, WeightsError
from palate.encoders._chunks import split_tokens
from palate.encoders._hub import HubModel
from palate.encoders._hub_torch import libraries, quiet, told

MOST = 2048
"""Tokens of a chunk at most, whatever a model could read, so that memory stays bounded."""
_UNSAID = 512
"""Tokens of a chunk where a model says nothing."""


@dataclass(frozen=True)
class Tokens:
    """A tokenizer, and the ids that it puts before and after a text."""

    tokenizer: Any
    before: list[int]
    after: list[int]
    longest: int
    """Tokens of a chunk, with those before and after."""

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text alone."""
        return list(
            self.tokenizer(text, add_special_tokens=False, truncation=False, padding=False, verbose=False).input_ids
        )

    def chunks(self, text: str, prompt: str, overlap: int) -> list[list[int]]:
        """Return the ids of a text, in one chunk or in several that overlap; each has the marks and the prompt."""
        ids, given = self.ids(prompt + text), self.ids(prompt) if prompt else []
        room = self.longest - len(self.before) - len(self.after)
        if len(ids) <= room:
            return [[*self.before, *ids, *self.after]]
        given = (
            given if ids[: len(given)] == given else given[:-1]
        )  # the last piece may have grown together with the text
        pieces = split_tokens(ids[len(given) :], room - len(given), overlap)
        return [[*self.before, *given, *piece, *self.after] for piece in pieces]


def read_tokens(model: HubModel, config: Any, longest: int | None, chosen: int | None) -> Tokens:
    """Load the tokenizer of a model.

    Args:
        model: the model.
        config: of the network that reads the tokens.
        longest: tokens that the model says it reads, if it does.
        chosen: tokens that the user wants it to read at most.

    Raises:
        WeightsError: there is no tokenizer, or it cannot be loaded.
        ConfigError: more tokens are wanted than the model can read.
    """
    _, transformers = libraries()
    with quiet(), told(model):
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            model.folder / model.main, local_files_only=True, trust_remote_code=False
        )
    if not isinstance(tokenizer, transformers.PreTrainedTokenizerBase):
        raise WeightsError(f"the model {model.name} has no tokenizer: it does not read text")
    can = [n for n in (_positions(config), tokenizer.model_max_length) if n is not None and 0 < n < 1_000_000]
    if chosen is not None and chosen > min(can, default=chosen):
        raise ConfigError(f"max_tokens was {chosen}: {model.name} reads at most {min(can)}")
    said = [*can, MOST] if longest is None and can else [*can, longest or _UNSAID, MOST]
    before, after = _marks(tokenizer)
    return Tokens(tokenizer, before, after, chosen or min(said))


def _positions(config: Any) -> int | None:
    """Return how many tokens have a place in the network; RoBERTa's places begin after the padding's."""
    places = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if not isinstance(places, int):
        return None
    padded = config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl", "clap_text_model")
    return places - (getattr(config, "pad_token_id", None) or 0) - 1 if padded else places


def _marks(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the ids that the tokenizer puts before and after every text, found by looking."""
    bare = list(tokenizer("a", add_special_tokens=False, truncation=False, padding=False).input_ids)
    whole = list(tokenizer("a", truncation=False, padding=False).input_ids)
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return whole[:start], whole[start + len(bare) :]
    return [], []
