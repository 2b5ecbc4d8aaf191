"""What pointwise models learn from: pairs of a user and an item with their outcome, none of which speaks for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from palate.core.types import CSR, Mask
from palate.data.dataset import Dataset
from palate.linalg.unmet import among, draw_unmet, stored_keys
from palate.metrics._hits import Doubles

Target: TypeAlias = Literal["click", "rating"]
Index: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Met:
    """The distinct pairs that users met, sorted by user and then item.

    Shapes:
        user, item: int64[m]; value: float64[m], the mean rating, or 1 liked and 0 not; liked: bool[m].
    """

    user: Index
    item: Index
    value: Doubles
    liked: Mask

    @classmethod
    def of(cls, data: Dataset, target: Target) -> Met:
        """Collect them."""
        width = max(len(data.items), 1)
        rows = data.interactions
        keys, of_row = np.unique(rows.user.astype(np.int64) * width + rows.item, return_inverse=True)
        liked = among(stored_keys(data.liked), keys)
        value = liked.astype(np.float64)
        if target == "rating":
            value = np.bincount(of_row, rows.weight, minlength=len(keys)) / np.bincount(of_row, minlength=len(keys))
        return cls(keys // width, keys % width, value, liked)


@dataclass(frozen=True, eq=False)
class Levels:
    """How much better an item, or milder a user, is than the mean, held towards 0 where little is known.

    item_i = sum over users of (value - mean) / (shrink + n_i), then user_u = sum over items of
    (value - mean - item_i) / (shrink + n_u) (Koren 2010, section 2.1, one pass).

    Shapes:
        item_sum, item_count: float64[n_items]; user_sum, user_count: float64[n_users]; rest: float64[m], of each met pair.
    """

    mean: float
    shrink: float
    item_sum: Doubles
    item_count: Doubles
    user_sum: Doubles
    user_count: Doubles
    rest: Doubles

    @classmethod
    def of(cls, met: Met, n_users: int, n_items: int, shrink: float) -> Levels:
        """Measure them."""
        mean = float(met.value.mean())
        item_sum = np.bincount(met.item, met.value - mean, minlength=n_items).astype(np.float64)
        item_count = np.bincount(met.item, minlength=n_items).astype(np.float64)
        rest = met.value - mean - (item_sum / (item_count + shrink))[met.item]
        user_sum = np.bincount(met.user, rest, minlength=n_users).astype(np.float64)
        user_count = np.bincount(met.user, minlength=n_users).astype(np.float64)
        return cls(mean, shrink, item_sum, item_count, user_sum, user_count, rest)

    @property
    def items(self) -> Doubles:
        """float64[n_items], 0 for an item that nobody met."""
        return self.item_sum / (self.item_count + self.shrink)

    @property
    def users(self) -> Doubles:
        """float64[n_users], 0 for a user who met nothing."""
        return self.user_sum / (self.user_count + self.shrink)


@dataclass(frozen=True, eq=False)
class Examples:
    """Pairs to learn from; what each one would give away is left out of what is known of its user and item.

    Shapes:
        user, item: int64[n]; truth: float64[n]; own: int64[n], the met pair that is left out of the user's level;
        known: bool[n], whether user and item really met, so that the pair is left out of what is known of the item;
        without: int64[n], the liked item that is left out of the history.
    """

    user: Index
    item: Index
    truth: Doubles
    own: Index
    known: Mask
    without: Index

    def take(self, rows: npt.NDArray[np.integer] | Mask) -> Examples:
        """Return the examples at these rows."""
        return Examples(*(values[rows] for values in vars(self).values()))


def examples(
    data: Dataset, met: Met, usable: Mask, target: Target, negatives: int, most: int, rng: np.random.Generator
) -> Examples:
    """Return the met pairs with their outcome and, for clicks, `negatives` sampled pairs for each like.

    Every example asks for a user whose history lacks one like, so that its length tells nothing: a liked item is left
    out of its own example, and out of those of the negatives sampled for it; a dislike leaves out a like at random.
    Negatives are drawn from all that the user had not met in training. Some of them are likes of the test part, and
    must stay: to leave them out would tell the model which they are.

    Shapes:
        usable: bool[n_items], items that can be scored.
    """
    degree = np.diff(data.liked.indptr)
    chosen = np.flatnonzero(usable[met.item] & (degree[met.user] > 0))
    sampled = negatives if target == "click" else 0
    share = most / max(1, len(chosen) + sampled * int(met.liked[chosen].sum()))
    if share < 1:
        chosen = np.sort(rng.permutation(chosen)[: max(1, int(share * len(chosen)))])
    user = met.user[chosen]
    without = np.where(met.liked[chosen], met.item[chosen], _any_like(data.liked, user, rng))
    whole = Examples(user, met.item[chosen], met.value[chosen], chosen, np.ones(len(chosen), bool), without)
    if not sampled:
        return whole
    around = whole.take(np.repeat(np.flatnonzero(met.liked[chosen]), sampled))
    item = draw_unmet(around.user, data.seen, np.flatnonzero(usable).astype(np.int32), rng).astype(np.int64)
    zeros = Examples(around.user, item, np.zeros(len(item)), around.own, np.zeros(len(item), bool), around.without)
    zeros = zeros.take(item >= 0)
    return Examples(*(np.concatenate(pair) for pair in zip(vars(whole).values(), vars(zeros).values(), strict=True)))


def _any_like(liked: CSR, user: Index, rng: np.random.Generator) -> Index:
    first, degree = liked.indptr[:-1][user].astype(np.int64), np.diff(liked.indptr)[user]
    return np.asarray(liked.indices[first + (rng.random(len(user)) * degree).astype(np.int64)], dtype=np.int64)


def left_out(levels: Levels, met: Met, some: Examples) -> tuple[Doubles, Doubles]:
    """Return the level of each example's item and user without what the example itself adds to it; float64[n] each."""
    itself = some.known.astype(np.float64)
    added = np.where(some.known, met.value[some.own] - levels.mean, 0.0)
    item = (levels.item_sum[some.item] - added) / (levels.item_count[some.item] - itself + levels.shrink)
    others = levels.user_count[some.user] - 1 + levels.shrink
    user = (levels.user_sum[some.user] - levels.rest[some.own]) / others
    return item, user


def count_of_others(counts: Index, met: Met, some: Examples) -> Doubles:
    """Return by how many other users each example's item was liked; float64[n]."""
    return np.asarray(counts[some.item] - (some.known & met.liked[some.own]), dtype=np.float64)
