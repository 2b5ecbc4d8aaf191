"""What would have changed the answer: the fewest past likes without which an item leaves the list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.errors import DataError
from palate.core.types import Codes, Floats, Mask
from palate.interfaces import Queries
from palate.linalg.topk import top_k
from palate.models import Model

_CELLS = 1 << 22
"""Scores held at a time."""
_SHARE = 16
"""Of so many likes that are left, the greedy search takes away one at a time, of twice as many two, and so on."""


@dataclass(frozen=True)
class Counterfactual:
    """The likes to take away, and whether no smaller set does it."""

    removed: tuple[int, ...]
    """Item codes, those that do most first; empty where even without all of them the item stays."""
    rank: int
    """The item's place with every like, 1 is the best."""
    rank_without: int | None
    """Its place without `removed`; None where it cannot be scored any more, or nothing helps."""
    smallest: bool
    """Whether every smaller set was tried; else the set is one from which none can be given back."""


def counterfactual(
    model: Model[Any],
    history: Sequence[int],
    item: int,
    k: int = 10,
    seen: Codes | None = None,
    *,
    user: int = -1,
    tries: int = 20_000,
) -> Counterfactual:
    """Find the smallest set of likes whose removal drops an item from the list of the k best.

    Every set of one like is tried, then every set of two, and so on while all sets up to that size come to no more than
    `tries`. Where none of these does it, likes are taken away, each time the one that brings the item nearest to the
    edge of the list (of a long history a sixteenth of what is left at a time), and then given back where they turn out
    not to be needed. Every set is judged by the model's own scores, so this holds for any model that takes a history
    (Ghazimatin et al. 2020 call it a provider-side counterfactual; Kaffes, Sacharidis and Giannopoulos 2021 search such
    sets for any model).

    What the person met is never listed, with the likes or without them.

    Args:
        model: fitted.
        history: codes of what was liked.
        item: the code of the item to explain.
        k: the length of the list.
        seen: codes that are not to be listed; the history where none are given.
        user: the code of a known person, of whom a model may have learned more than the likes; that stays.
        tries: how many sets to score at most in the exhaustive search.

    Raises:
        DataError: the item is not in the list in the first place, or k is below 1.

    Example:
        >>> import polars as pl
        >>> import palate
        >>> events = pl.DataFrame({"user_id": list("aabbccddd"), "item_id": list("121323345")})
        >>> model = palate.models.ItemKNN(shrink=0).fit(palate.from_frames(events))
        >>> counterfactual(model, [0], 1, k=1).removed
        (0,)
    """
    liked = np.unique(np.asarray(history, dtype=np.int32))
    if k < 1:
        raise DataError(f"k was {k}: ask for a list of at least one item")
    search = _Search(model, liked, item, k, liked if seen is None else np.asarray(seen, dtype=np.int32), user)
    rank, _ = search.places([()])
    if search.met or not rank[0] or rank[0] > k:
        where = "was met before" if search.met else f"has place {rank[0]:,}" if rank[0] else "cannot be scored"
        raise DataError(
            f"the item '{model.items.ids[item]}' {where}, so it is not among the {k:,} best and nothing can drop it: "
            "ask for one that is recommended, or for a longer list"
        )
    first = int(rank[0])
    everything = tuple(range(len(liked)))
    tried, size, found = 0, 0, None
    while found is None and size < len(liked) and tried + comb(len(liked), size + 1) <= tries:
        size += 1
        tried += comb(len(liked), size)
        found = search.best(combinations(everything, size))
    exhausted = found is not None
    if found is None and size < len(liked):
        found = search.greedy()
        exhausted = found is not None and len(found) <= size + 1
    if found is None:
        return Counterfactual((), first, None, smallest=size == len(liked))
    place = int(search.places([found])[0][0])
    ordered = search.by_weight(found)
    return Counterfactual(tuple(int(liked[index]) for index in ordered), first, place or None, exhausted)


class _Search:
    """Scores histories with some likes left out; a set is a tuple of places in `liked`."""

    def __init__(self, model: Model[Any], liked: Codes, item: int, k: int, seen: Codes, user: int) -> None:
        self.model, self.liked, self.item = model, liked, item
        self.n, self.user = len(model.items), user
        self.k = min(k, self.n)
        self.hidden = np.zeros(self.n, dtype=bool)
        self.hidden[seen] = True
        self.hidden[liked] = True
        self.met = bool(self.hidden[item])

    def places(self, sets: Sequence[tuple[int, ...]]) -> tuple[npt.NDArray[np.int64], Floats]:
        """Return the item's place without each set, 0 where it cannot be scored; and how far inside the list it is.

        The distance is that to the k-th best of the others, in units of the spread of the k best, so that it can be
        compared between histories of unlike length.
        """
        places, distance = np.zeros(len(sets), np.int64), np.full(len(sets), -np.inf, np.float32)
        rows = max(1, _CELLS // self.n)
        for start in range(0, len(sets), rows):
            block = slice(start, start + rows)
            scores = self._scores(sets[block])
            own = scores[:, self.item].copy()
            scores[:, self.item] = np.nan
            better = (scores > own[:, None]).sum(axis=1) + (scores[:, : self.item] == own[:, None]).sum(axis=1)
            there = ~np.isnan(own)
            places[block] = np.where(there, better + 1, 0)
            best = top_k(scores, self.k).scores
            edge = np.where(np.isnan(best[:, -1]), -np.inf, best[:, -1])
            spread = np.maximum(np.abs(best[:, 0] - best[:, -1]), np.float32(1e-6))
            gap = np.divide(own - edge, spread, out=np.full(len(own), np.inf, np.float32), where=np.isfinite(spread))
            distance[block] = np.where(there, gap, -np.inf)
        return places, distance

    def dropped(self, sets: Sequence[tuple[int, ...]]) -> Mask:
        """Tell without which sets the item is no longer among the k best."""
        places, _ = self.places(sets)
        return np.asarray((places == 0) | (places > self.k))

    def best(self, sets: Iterator[tuple[int, ...]]) -> tuple[int, ...] | None:
        """Return the set that drops the item furthest, the first of equals; None where none drops it."""
        every = list(sets)
        places, distance = self.places(every)
        out = np.flatnonzero((places == 0) | (places > self.k))
        return every[out[np.argmin(distance[out])]] if len(out) else None

    def greedy(self) -> tuple[int, ...] | None:
        """Take away what brings the item nearest to the edge, again and again; then give back what was not needed."""
        gone: tuple[int, ...] = ()
        while len(gone) < len(self.liked):
            left = np.setdiff1d(np.arange(len(self.liked)), gone)
            _, distance = self.places([(*gone, index) for index in left.tolist()])
            nearest = np.argsort(distance, kind="stable")[: max(1, len(left) // _SHARE)]
            gone = (*gone, *left[nearest].tolist())
            if self.dropped([gone])[0]:
                return self._pruned(gone)
        return None

    def _pruned(self, gone: tuple[int, ...]) -> tuple[int, ...]:
        """Give back what is not needed, the first taken last."""
        for index in reversed(gone):
            fewer = tuple(other for other in gone if other != index)
            if fewer and self.dropped([fewer])[0]:
                gone = fewer
        return gone

    def by_weight(self, gone: tuple[int, ...]) -> list[int]:
        """Order a set by what each does alone."""
        _, distance = self.places([(index,) for index in gone])
        return [gone[index] for index in np.argsort(distance, kind="stable")]

    def _scores(self, sets: Sequence[tuple[int, ...]]) -> Floats:
        kept = [np.delete(self.liked, list(gone)) for gone in sets]
        pointer = np.concatenate([[0], np.cumsum([len(codes) for codes in kept])]).astype(np.int32)
        codes = np.concatenate([*kept, np.zeros(0, np.int32)])
        history = sp.csr_array((np.ones(len(codes), np.float32), codes, pointer), shape=(len(sets), self.n))
        scores = self.model.score(Queries(history, np.full(len(sets), self.user, np.int32)))
        scores = scores.copy()  # the model may have kept it
        scores[:, self.hidden] = np.nan
        return scores
