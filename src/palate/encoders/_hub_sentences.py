"""The steps of a sentence-transformers folder, read from its JSON: which model, how tokens are pooled, what follows.

Reimers and Gurevych 2019, arXiv:1908.10084. `modules.json` lists the steps; each has a folder with a config.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from palate.core.errors import WeightsError
from palate.core.types import JSON, Floats
from palate.encoders._hub import HubModel
from palate.encoders._hub_encoder import unit

POOLINGS = ("cls", "max", "mean", "mean-sqrt", "weighted-mean", "last")
"""Ways to make one vector of a text's tokens, in the order in which several are joined."""
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean-sqrt",
    "pooling_mode_weightedmean_tokens": "weighted-mean",
    "pooling_mode_lasttoken": "last",
}
_WORDS = {
    "cls": "cls", "max": "max", "mean": "mean", "mean_sqrt_len_tokens": "mean-sqrt", "weightedmean": "weighted-mean",
    "lasttoken": "last",
}  # fmt: skip


@dataclass(frozen=True)
class Dense:
    """One linear layer, with the function that follows it."""

    weight: Floats
    bias: Floats | None
    activation: str

    def __call__(self, vectors: Floats) -> Floats:
        """Return f(W x + b), float32[n, out]."""
        out = vectors @ self.weight.T + (0 if self.bias is None else self.bias)
        return np.asarray(np.tanh(out) if self.activation == "Tanh" else out, dtype=np.float32)


@dataclass(frozen=True)
class Sentences:
    """What a sentence-transformers folder says of itself."""

    pooling: tuple[str, ...] = ()
    """Empty where tokens are not pooled by a step of their own, as in CLIP."""
    dense: tuple[Dense, ...] = ()
    normalise: bool = False
    max_tokens: int | None = None
    lower: bool = False
    prompts: tuple[tuple[str, str], ...] = ()
    """Texts put before others, by what those are; under "" before those of which nothing else is known."""

    def prompt(self, *kinds: str) -> str:
        """Return what is put before texts of the first of these kinds that has a prompt."""
        known = dict(self.prompts)
        return next((known[kind] for kind in (*kinds, "") if kind in known), "")

    def finish(self, vectors: Floats) -> Floats:
        """Apply what follows pooling."""
        for layer in self.dense:
            vectors = layer(vectors)
        return unit(vectors) if self.normalise else vectors


def read_sentences(model: HubModel) -> Sentences | None:
    """Read `modules.json`; None where the model is a plain one.

    Raises:
        WeightsError: a step is of a kind that is not known here, or its weights are missing.
    """
    steps = model.steps
    if not steps:
        return None
    pooling: tuple[str, ...] = ()
    dense: list[Dense] = []
    normalise = False
    for step in steps[1:]:
        kind, folder = str(step.get("type")).rpartition(".")[2], str(step.get("path"))
        config: dict[str, JSON] = model.read_json(f"{folder}/config.json") or {}
        if kind == "Pooling":
            pooling = _pooling(model, config)
        elif kind == "Dense" and not normalise:
            dense.append(_dense(model, folder, config))
        elif kind == "Normalize":
            normalise = True
        elif kind != "Dropout":
            raise WeightsError(
                f"the model {model.name} has a step '{kind}' that is not known here: known are Transformer, Pooling, Dense (before "
                "Normalize), Dropout, Normalize"
            )
    about = model.read_json("config_sentence_transformers.json") or {}
    given = model.read_json(f"{model.main}/sentence_bert_config.json".lstrip("/"))
    first = given or model.read_json("sentence_bert_config.json") or {}
    prompts = {str(name): str(text) for name, text in (about.get("prompts") or {}).items()}
    prompts[""] = prompts.get(str(about.get("default_prompt_name")), "")
    longest, lower = first.get("max_seq_length"), bool(first.get("do_lower_case"))
    return Sentences(pooling, tuple(dense), normalise, longest, lower, tuple(prompts.items()))


def _pooling(model: HubModel, config: dict[str, Any]) -> tuple[str, ...]:
    words = config.get("pooling_mode") or []
    words = [words] if isinstance(words, str) else words
    chosen = {_FLAGS[flag] for flag in _FLAGS if config.get(flag)} | {_WORDS.get(word, word) for word in words}
    if not chosen or not chosen <= set(POOLINGS):
        raise WeightsError(
            f"the model {model.name} pools tokens by {', '.join(sorted(chosen)) or 'nothing'}: known are {', '.join(POOLINGS)}"
        )
    if config.get("include_prompt") is False:
        raise WeightsError(f"the model {model.name} leaves its prompt out of the pooling, which is not done here")
    return tuple(way for way in POOLINGS if way in chosen)


def _dense(model: HubModel, folder: str, config: dict[str, Any]) -> Dense:
    from safetensors.numpy import load_file

    name = f"{folder}/model.safetensors"
    activation = str(config.get("activation_function", "Identity")).rpartition(".")[2]
    if name not in model.files:
        raise WeightsError(
            f"the step {folder} of {model.name} has no weights as safetensors ({name}): choose a revision that has them"
        )
    if activation not in ("Identity", "Tanh"):
        raise WeightsError(f"the step {folder} of {model.name} uses {activation}: known are Identity and Tanh")
    arrays = {key: array.astype(np.float32) for key, array in load_file(model.folder / name).items()}
    return Dense(arrays["linear.weight"], arrays.get("linear.bias"), activation)


def pool(hidden: Any, mask: Any, how: str) -> Any:
    """Make one vector of each text's tokens, of which those that are there come first.

    cls: the first token. last: the last one that is there. mean, max: over those there; mean-sqrt divides the sum by
    √n; weighted-mean weighs the i-th token by i (Muennighoff 2022, arXiv:2202.08904).

    Shapes:
        hidden: tensor[b, t, d]; mask: tensor[b, t] of 0 and 1 -> tensor[b, d].
    """
    import torch

    there = mask.unsqueeze(-1).to(hidden.dtype)
    count = there.sum(dim=1)
    if how == "cls":
        return hidden[:, 0]
    if how == "last":
        return hidden[torch.arange(len(hidden)), mask.sum(dim=1) - 1]
    if how == "max":
        return hidden.masked_fill(there == 0, -torch.inf).amax(dim=1)
    if how == "weighted-mean":
        weight = there * torch.arange(1, hidden.shape[1] + 1, dtype=hidden.dtype).view(1, -1, 1)
        return (hidden * weight).sum(dim=1) / weight.sum(dim=1)
    total = (hidden * there).sum(dim=1)
    return total / (count.sqrt() if how == "mean-sqrt" else count)
