"""`item-knn` that goes on counting while it is served: what people like since speaks for others at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from palate.bundle import Bundle
from palate.core.errors import PalateError
from palate.core.state import State
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Queries, Run
from palate.linalg.products import ones_where
from palate.models import ItemKNN, Model
from palate.models._graph import refuse_too_many_pairs
from palate.models.item_knn import ItemKNNConfig
from palate.serving.counts import ONE, Counts, weights
from palate.serving.newcomers import WithNewcomers

LOG = logging.getLogger("palate.serving")
_LEAST = 1 << 16
_SHARE = 8
"""What is liked since may be so many pairs, or one in so many of all, before it is folded in."""
_NONE = np.zeros(0, np.int32)


class Counting(Model[ItemKNNConfig]):
    """A fitted `item-knn` whose scores are those of one fitted on what people like by now.

    The likes of a person weigh by how many there are, so that one more changes all pairs of that person. What somebody likes
    otherwise than when pairs were last summed up is kept as two sets, the old one with its weight below zero and the new one; a score
    is summed over pairs and sets, and divided by lengths that are up to date (incremental item-based filtering by sums, of which
    likeness is made when asked: Papagelis et al., *Incremental collaborative filtering for highly-scalable recommendation algorithms*,
    ISMIS 2005). An event costs the length of the history and of the list of items, whatever the number of pairs.

    Any number of threads may ask while one calls `follow` and another `fold`.

    Missing data:
        As `item-knn`: NaN for items that nobody likes, and for those of whom no liked item is liked by anybody.
    Raises:
        MemoryLimitError: the pairs could take more than `memory_limit_mb` by now.
    """

    name = ItemKNN.name
    config_type = ItemKNNConfig

    def __init__(self, model: ItemKNN, people: Mapping[str, Codes] | None = None) -> None:
        """Count all likes once.

        Args:
            model: fitted, with `neighbours=0`.
            people: what those like who like otherwise than the model's histories have it, codes in rising order; those of items
                that the model does not have do not count.
        """
        super().__init__(model.config)
        self.remember(model.users, model.items, model.liked, model.seen)
        self._counted = {user: self._own_items(codes) for user, codes in (people or {}).items()}
        liked = self._likes()
        refuse_too_many_pairs(self.name, liked, self.config.memory_limit_mb)
        self.counts = Counts.of(liked, weights(np.diff(liked.indptr), self.config.user_power))
        self.stopped = False
        """Whether it stopped to count, since pairs would take too much memory."""
        self._sets: dict[str, int] = {}
        """The set of each person whose likes changed since the last fold, -1 for no like."""
        self._lock = threading.Lock()
        self.counts.row(0)  # compiles, so that nobody waits for it
        self.counts.scores(Queries.of_history([0], len(self.items)).history, self.config.shrink)

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        raise PalateError("a model that counts is not fitted: fit item-knn on what is known by now")

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return sums of damped cosines; float32[q, n]."""
        counts = self.counts
        warm = counts.warm
        ones = ones_where(queries.history, warm)
        scores = counts.scores(ones, self.config.shrink)
        scores[:, ~warm] = np.nan
        scores[np.diff(ones.indptr) == 0] = np.nan
        return scores if items is None else scores[:, items]

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked."""
        counts = self.counts
        liked = query.history.indices[counts.warm[query.history.indices]]
        if not counts.warm[item] or not len(liked):
            return Explanation(np.nan)
        together = counts.row(item)[liked]
        speaks = together > 0
        liked, together = liked[speaks], together[speaks].astype(np.float64)
        bottom = counts.length[item].astype(np.float64) * counts.length[liked] + self.config.shrink * ONE
        amounts = (together / bottom).tolist()
        score = float(sum(amounts))
        return Explanation(score, dict(zip(liked.tolist(), amounts, strict=True)), {"behaviour": score})

    def follow(self, people: Mapping[str, Codes]) -> None:
        """Count what people like by now, codes in rising order, in the place of what they liked before."""
        with self._lock:
            if not self.stopped:
                self.counts = self._changed(self.counts, people)

    @property
    def full(self) -> bool:
        """Whether so much is liked since that it should be folded in."""
        counts = self.counts
        return max(counts.sets.used, counts.sets.pairs()) > max(_LEAST, counts.pairs.nnz // _SHARE)

    def fold(self) -> None:
        """Sum up the pairs anew with what is liked since; for one thread, while others ask and count."""
        with self._lock:
            counts, before = self.counts, dict(self._counted)
        pairs = min(counts.pairs.nnz + counts.sets.pairs(), len(self.items) ** 2)
        if 8 * pairs > self.config.memory_limit_mb << 20:
            self._stop(pairs)
            return
        folded = counts.folded()
        with self._lock:
            since = {user: codes for user, codes in self._counted.items() if codes is not before.get(user)}
            self._counted, self._sets = before, {}
            self.counts = self._changed(folded, since)

    def state(self) -> State:
        """Refuse: what is counted is in the store."""
        raise PalateError("a model that counts is not kept: fit item-knn on what is known by now")

    def load_state(self, state: State) -> Self:
        """Refuse: what is counted is in the store."""
        raise PalateError("a model that counts is not kept: take item-knn as it was fitted")

    def _changed(self, counts: Counts, people: Mapping[str, Codes]) -> Counts:
        """Return the counts with what people like by now, and write down who has which set."""
        added: list[tuple[Codes, int]] = []
        dropped: list[int] = []
        for user, codes in people.items():
            before, now = self._likes_of(user), self._own_items(codes)
            if np.array_equal(before, now):
                continue
            if user not in self._sets:
                added += self._weighed(before, -1)
            elif self._sets[user] >= 0:
                dropped.append(self._sets[user])
            self._sets[user] = len(counts.sets.weight) + len(added) if len(now) else -1
            added += self._weighed(now, 1)
            self._counted[user] = now
        return counts.updated(added, dropped) if added or dropped else counts

    def _weighed(self, codes: Codes, sign: int) -> list[tuple[Codes, int]]:
        """Return a set with its weight; none where it is empty."""
        each = int(weights(np.array([len(codes)]), self.config.user_power)[0])
        return [(codes, sign * each)] if len(codes) else []

    def _own_items(self, codes: Codes) -> Codes:
        return codes[: np.searchsorted(codes, len(self.items))]

    def _likes_of(self, user: str) -> Codes:
        """Return what somebody likes as it was last counted."""
        if user in self._counted or user not in self.users:
            return self._counted.get(user, _NONE)
        code = self.users.code(user)
        return np.sort(self.liked.indices[self.liked.indptr[code] : self.liked.indptr[code + 1]])

    def _likes(self) -> CSR:
        """Return what everybody likes by now, sparse[people, items]."""
        told = self.users.codes(user for user in self._counted if user in self.users)
        rest = self.liked[np.setdiff1d(np.arange(len(self.users)), told)]
        codes = [rest.indices, *self._counted.values()]
        lengths = np.concatenate([np.diff(rest.indptr), [len(each) for each in self._counted.values()]])
        pointer = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        ones = np.ones(int(pointer[-1]), np.float32)
        return sp.csr_array((ones, np.concatenate(codes), pointer), shape=(len(lengths), len(self.items)))

    def _stop(self, pairs: int) -> None:
        with self._lock:
            self.stopped = True
        LOG.warning(
            "%s could take %s MB for the likeness of items by now, and memory_limit_mb is %s: what people like from now on changes "
            "their own lists alone until 'palate refit'; train it with neighbours=100, or raise the limit",
            self.name, f"{8 * pairs >> 20:,}", f"{self.config.memory_limit_mb:,}",
        )  # fmt: skip


def can_count(bundle: Bundle) -> bool:
    """Tell whether a bundle's model can follow what people like: `item-knn` with all neighbours, that learned from likes alone."""
    model = bundle.model
    met = model.model if isinstance(model, WithNewcomers) else model
    return isinstance(met, ItemKNN) and met.config.neighbours == 0 and not bundle.recipe.pseudo_labels


def counting_of(model: Model[Any]) -> Counting | None:
    """Return the model that counts, also from under newcomers; None where there is none."""
    met = model.model if isinstance(model, WithNewcomers) else model
    return met if isinstance(met, Counting) else None


def counting(model: Model[Any], people: Mapping[str, Codes]) -> Model[Any]:
    """Return a model that can count as one that does, and the newcomers that it may have over it; this takes a while."""
    if isinstance(model, WithNewcomers):
        return model.over(counting(model.model, people))
    assert isinstance(model, ItemKNN)
    return Counting(model, people)
