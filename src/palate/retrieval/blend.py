"""Several rankings to one, by the ranks alone, and how much each way of asking counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from palate.core.errors import ConfigError, did_you_mean
from palate.core.types import Codes, Floats
from palate.interfaces import Ranked
from palate.linalg.topk import top_k

RANK_SHIFT = 60
"""What is added to each rank, as in the paper: the larger, the less the very first places count."""
USER_WEIGHT = 0.3
"""How much the taste of a user counts where no weight is given."""


@dataclass(frozen=True, eq=False)
class Listed:
    """What one way of asking found, best first.

    Shapes:
        items: int32[n]; scores: float32[n], in units of its own; parts: float32[n] for each part of the items.
    """

    name: str
    weight: float
    items: Codes
    scores: Floats
    parts: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Blend:
    """A ranking, and what each list adds to each score.

    Shapes:
        ranked: q = 1; amounts: float32[k] by the name of the list, 0 where the item is not in it; they add up to the
        scores. places: int32[k] by the name of the list, the rank there from 1, 0 where the item is not in it.
    """

    ranked: Ranked
    amounts: Mapping[str, Floats]
    places: Mapping[str, Codes]


def blend(lists: Sequence[Listed], k: int) -> Blend:
    """Return the k best items of several lists by reciprocal rank; of a single list, its own order and scores.

    score(i) = Σ_l w_l 61 / (60 + rank_l(i)), with Σ w_l = 1. Cormack, Clarke and Büttcher, *Reciprocal rank fusion
    outperforms Condorcet and individual rank learning methods*, SIGIR 2009; with weights, and times 61, so that what
    comes first in every list has the score 1. The rank in a list is one more than the number of items that score higher
    there, so that equal scores add the same.

    Missing data:
        An item that is not in a list gets nothing from it.

    Example:
        >>> words = Listed("words", 1, np.array([4, 2], np.int32), np.array([7, 3], np.float32))
        >>> looks = Listed("image", 1, np.array([2, 9], np.int32), np.array([0.8, 0.7], np.float32))
        >>> blend([words, looks], 2).ranked.items.tolist()
        [[2, 4]]
    """
    total = sum(listed.weight for listed in lists)
    codes = np.unique(np.concatenate([np.zeros(0, np.int32), *(listed.items for listed in lists)]))
    amounts = {listed.name: np.zeros(len(codes), np.float64) for listed in lists}
    places = {listed.name: np.zeros(len(codes), np.int32) for listed in lists}
    for listed in lists:
        rows = np.searchsorted(codes, listed.items)
        ranks = 1 + np.searchsorted(-listed.scores, -listed.scores)
        alone = len(lists) == 1
        parts = listed.scores if alone else listed.weight / total * (1 + RANK_SHIFT) / (RANK_SHIFT + ranks)
        amounts[listed.name][rows], places[listed.name][rows] = parts, ranks
    scores = np.sum([np.zeros(len(codes)), *amounts.values()], axis=0)
    best = top_k(scores.astype(np.float32)[None, :], k)
    rows = best.items[0][best.items[0] >= 0]
    items = np.full((1, k), -1, np.int32)
    items[0, : len(rows)] = codes[rows]
    return Blend(
        Ranked(items, best.scores),
        {name: values[rows].astype(np.float32) for name, values in amounts.items()},
        {name: values[rows] for name, values in places.items()},
    )


def weights_of(asked: Sequence[str], given: Mapping[str, float]) -> dict[str, float]:
    """Return how much each way of asking counts, adding up to 1.

    Those that are not named share what the named ones leave; a user who is not named counts 0.3 where none is.

    Args:
        asked: the ways: `text`, `image`, `sound`, `user`.
        given: a weight from 0 to 1 for some of them.

    Raises:
        ConfigError: a weight is for something that was not asked by, out of range, or leaves nothing for the others.

    Example:
        >>> weights_of(["text", "image"], {"text": 0.75}), weights_of(["text", "user"], {})
        ({'text': 0.75, 'image': 0.25}, {'text': 0.7, 'user': 0.3})
    """
    for name, weight in given.items():
        if name not in asked:
            raise ConfigError(f"the weight of '{name}' has nothing to weigh: {did_you_mean(name, asked)}")
        if not 0 <= weight <= 1:
            raise ConfigError(f"the weight of '{name}' was {weight:g}: give a number from 0 to 1")
    named = dict(given) if given or "user" not in asked or len(asked) == 1 else {"user": USER_WEIGHT}
    rest = [name for name in asked if name not in named]
    left = 1 - sum(named.values())
    if rest and left <= 0:
        raise ConfigError(f"the weights leave nothing for '{rest[0]}': let them come to less than 1, or leave it out")
    if not rest and sum(named.values()) == 0:
        raise ConfigError("every weight is 0: let something count")
    shares = {name: named.get(name, left / max(1, len(rest))) for name in asked}
    if not any(share for name, share in shares.items() if name != "user"):
        raise ConfigError(f"only the user counts, whose taste adds no item: give the {_either(shares)} some weight")
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def _either(ways: Mapping[str, float]) -> str:
    said = {"text": "text", "image": "picture", "sound": "sound"}
    return " or the ".join(said[name] for name in ways if name in said)
