"""Which pairs of a user and an item predictions are judged by, and what anyone could have said of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from palate.core.errors import ConfigError, DataError
from palate.core.rng import generator
from palate.core.types import CSR, Codes
from palate.data.dataset import Dataset
from palate.evaluation._scoring import relevant_items
from palate.linalg.unmet import among, draw_unmet, stored_keys
from palate.metrics._hits import Doubles
from palate.models._examples import Index, Levels, Met, Target

SAMPLED = 4
_SHRINK = 5.0
"""Of the biased baseline: so many mean ratings are added to each item's and user's own."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Pairs and what came of them.

    Shapes:
        user, item: int32[n]; truth: float64[n].
    """

    user: Codes
    item: Codes
    truth: Doubles
    against: str
    """What likes are told from, or what the truth is, in words."""
    sampled: int = 0
    """Negatives sampled for each like; 0 where there are none."""


def rated(known: Dataset, judged: Dataset, on: str) -> Judged:
    """Return the pairs rated in the judged part that were not met before, with their mean rating."""
    pairs = _new(known, judged, "rating")
    if not len(pairs.user):
        raise DataError(f"the {on} part holds no pair that was not met before: nothing can be judged by it")
    return Judged(pairs.user.astype(np.int32), pairs.item.astype(np.int32), pairs.value, "ratings")


def has_dislikes(data: Dataset) -> bool:
    """Tell whether anything was met and not liked."""
    return bool(data.seen.nnz > data.liked.nnz)


def disliked(known: Dataset, judged: Dataset, on: str) -> Judged:
    """Return the likes and the explicit dislikes of the judged part that were not met before."""
    pairs = _new(known, judged, "click")
    if len(set(pairs.liked.tolist())) < 2:
        raise DataError(
            f"the {on} part holds {int(pairs.liked.sum()):,} new likes and {int((~pairs.liked).sum()):,} dislikes, and "
            "both are needed: split otherwise, or judge against sampled negatives"
        )
    return Judged(pairs.user.astype(np.int32), pairs.item.astype(np.int32), pairs.value, "explicit dislikes")


def against_sampled(known: Dataset, judged: Dataset, met: list[Dataset], each: int, seed: int, on: str) -> Judged:
    """Return the likes of the judged part and, for each, negatives sampled evenly from what the user never met.

    A negative is in none of `met`, the judged part among them: no pair is judged as a like and as none.
    """
    if each < 1:
        raise ConfigError(f"negatives was {each}: give 1 or more for each like")
    relevant = relevant_items(known, judged)
    if not relevant.nnz:
        raise DataError(
            f"the {on} part holds no new like: nobody can be judged by it; split otherwise or widen the rule"
        )
    user, item = (part.astype(np.int32) for part in relevant.tocoo().coords)
    anything: CSR = sp.csr_array(sum((part.seen for part in met[1:]), met[0].seen))
    asked = np.repeat(user, each)
    everything = np.arange(len(known.items), dtype=np.int32)
    drawn = draw_unmet(asked, anything, everything, generator(seed, "negatives", on))
    kept = drawn >= 0
    if not kept.any():
        raise DataError("every user met every item, so that there are no negatives to sample")
    truth = np.concatenate([np.ones(len(user)), np.zeros(int(kept.sum()))])
    return Judged(
        np.concatenate([user, asked[kept]]), np.concatenate([item, drawn[kept]]), truth,
        f"{each} sampled negatives for each like", each,
    )  # fmt: skip


def _new(known: Dataset, judged: Dataset, target: Target) -> Met:
    pairs = Met.of(judged, target)
    new = ~among(stored_keys(known.seen), pairs.user * max(1, len(known.items)) + pairs.item)
    return Met(pairs.user[new], pairs.item[new], pairs.value[new], pairs.liked[new])


def level_baselines(known: Dataset, pairs: Judged, target: Target) -> dict[str, Doubles]:
    """Return what the means of the training data say of each pair: of all, of its user, of its item, and of both.

    biased: mean + item level + user level, each shrunk by 5 ratings (Koren 2010, section 2.1), held between the lowest
    and highest value. A user or an item without ratings gets the mean of all.
    """
    met = Met.of(known, target)
    mean = float(met.value.mean())
    levels = Levels.of(met, len(known.users), len(known.items), _SHRINK)
    both = mean + levels.items[pairs.item] + levels.users[pairs.user]
    return {
        "global mean": np.full(len(pairs.user), mean),
        "user mean": _means(met.user, met.value, len(known.users), mean)[pairs.user],
        "item mean": _means(met.item, met.value, len(known.items), mean)[pairs.item],
        "biased": np.clip(both, met.value.min(), met.value.max()),
    }


def _means(codes: Index, values: Doubles, n: int, otherwise: float) -> Doubles:
    count = np.bincount(codes, minlength=n)
    return np.where(count > 0, np.bincount(codes, values, minlength=n) / np.maximum(count, 1), otherwise)


def popularity_baselines(known: Dataset, pairs: Judged) -> dict[str, Doubles]:
    """Return what the way of sampling alone says of each pair, and what it says with the popularity of the item.

    constant: 1 / (1 + s) for s negatives a like. popularity: q_i / (q_i + s / n) for n items, by Bayes' rule, where
    q_i = (likes of i + 1) / (all likes + n) is the chance that a like is of item i.
    """
    n = len(known.items)
    likes = np.bincount(known.liked.indices, minlength=n) + 1.0
    chance = likes / likes.sum()
    return {
        "constant": np.full(len(pairs.user), 1 / (1 + pairs.sampled)),
        "popularity": (chance / (chance + pairs.sampled / n))[pairs.item],
    }
