"""Texts to token ids as a hub model wants them: its marks around each chunk, its prompt before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from palate.core.errors import ConfigError, WeightsError
from palate.encoders._base import BrokenInput, EmptyInput
from palate.encoders._chunks import split_tokens
from palate.encoders._hub import HubModel
from palate.encoders._hub_torch import libraries, quiet, told

MOST = 2048
"""Tokens of a chunk at most, whatever a model could read, so that memory stays bounded."""
_UNSAID = 512
"""Tokens of a chunk where a model says nothing."""
_VOCABULARIES = {"tokenizer.json", "vocab.txt", "vocab.json", "bpe.codes"}
"""Files that hold the words of a tokenizer, besides those of SentencePiece, which end in .model."""
_WITHOUT = {"ByT5Tokenizer", "canine", "perceiver"}
"""Tokenizers and architectures that read bytes or characters and so have no such file."""


@dataclass(frozen=True)
class Tokens:
    """A tokenizer, and the ids that it puts before and after a text."""

    tokenizer: Any
    before: list[int]
    after: list[int]
    longest: int
    """Tokens of a chunk, with those before and after."""
    words: int | None = None
    """How many tokens the network has a vector for, if its config says so."""

    def ids(self, text: str) -> list[int]:
        """Return the ids of a text alone."""
        return list(
            self.tokenizer(text, add_special_tokens=False, truncation=False, padding=False, verbose=False).input_ids
        )

    def chunks(self, text: str, prompt: str, overlap: int) -> list[list[int]]:
        """Return the ids of a text, in one chunk or in several that overlap; each has the marks and the prompt.

        An overlap of more than half of what a chunk has room for is cut to that half.

        Raises:
            EmptyInput: the tokenizer knows nothing of the text.
            BrokenInput: it has a token that the network has no vector for.
        """
        ids, given = self.ids(prompt + text), self.ids(prompt) if prompt else []
        given = (
            given if ids[: len(given)] == given else given[:-1]
        )  # the last piece may have grown together with the text
        own = ids[len(given) :]
        self._check(own)
        room = self._room - len(given)
        if len(own) <= room:
            return [[*self.before, *ids, *self.after]]
        pieces = split_tokens(own, room, min(overlap, room // 2))
        return [[*self.before, *given, *piece, *self.after] for piece in pieces]

    def check_room(self, prompt: str) -> None:
        """Check that a prompt leaves a chunk something for the text.

        Raises:
            ConfigError: it does not.
        """
        given = self.ids(prompt) if prompt else []
        if len(given) >= self._room:
            raise ConfigError(
                f"a prompt of {len(given)} tokens leaves a text none of the {self._room} that the model reads at once: give a "
                "shorter prompt, or more max_tokens where the model can read more"
            )

    @property
    def _room(self) -> int:
        """Tokens of a chunk for the prompt and the text."""
        return self.longest - len(self.before) - len(self.after)

    def _check(self, ids: list[int]) -> None:
        unknown = self.tokenizer.unk_token_id
        if all(token == unknown for token in ids):
            raise EmptyInput("the model's tokenizer knows nothing of it")
        if self.words is not None and max(ids) >= self.words:
            raise BrokenInput(
                f"it has the token '{self.tokenizer.convert_ids_to_tokens(max(ids))}', which the model has no vector for"
            )


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
    if not _has_words(model):
        raise WeightsError(
            f"the model {model.name} has no tokenizer (such as tokenizer.json): it does not read text, or the download is not whole"
        )
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
    return Tokens(tokenizer, before, after, chosen or min(said), getattr(config, "vocab_size", None))


def _has_words(model: HubModel) -> bool:
    """Tell whether the words of a tokenizer are there; without them transformers makes one that knows none."""
    kinds = {
        (model.config("tokenizer_config.json") or {}).get("tokenizer_class"),
        (model.config() or {}).get("model_type"),
    }
    places = (name.rpartition("/") for name in model.files)
    files = {file for folder, _, file in places if folder == model.main}
    return bool(kinds & _WITHOUT or files & _VOCABULARIES) or any(file.endswith(".model") for file in files)


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
