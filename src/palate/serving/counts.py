"""How often items are liked by the same people, and how that changes as people go on to like things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.compiled import compiled
from palate.core.types import CSR, Codes, Floats, Mask
from palate.linalg.parallel import cuts_by_work, map_blocks
from palate.linalg.products import index_pointer, products

ONE = 1 << 36
"""What somebody with one like weighs. Weights are whole numbers, so that sums are exact: what is added and taken away again leaves nothing,
in any order. The least weight is 1; 2^27 people may like an item."""
_BLOCK = 1 << 20
Longs: TypeAlias = npt.NDArray[np.int64]
_Array: TypeAlias = npt.NDArray[Any]


def weights(degree: _Array, user_power: float) -> Longs:
    """Return what each like of a person with so many likes weighs in a pair, degree^(-2 user_power), in parts of `ONE`.

    Example:
        >>> (weights(np.array([1, 4]), 0.25) / ONE).tolist()
        [1.0, 0.5]
    """
    each = np.maximum(degree, 1).astype(np.float64) ** (-2 * user_power)
    return np.maximum(np.rint(ONE * each), 1).astype(np.int64)


def summed(liked: CSR, weight: Longs, pairs: CSR | None = None) -> CSR:
    """Return how much the people who like both of two items weigh together, on top of what pairs have; on one core.

    Shapes:
        liked: sparse[users, items], of ones; weight: int64[users]; pairs: sparse int64[items, items] -> the same, without a diagonal
        and without what comes to 0.

    Example:
        >>> summed(sp.csr_array([[1, 1, 0], [1, 1, 1]]), np.array([2, 3])).toarray().tolist()
        [[0, 5, 3], [5, 0, 3], [3, 3, 0]]
    """
    n = liked.shape[1]
    if pairs is None:
        pairs = sp.csr_array((n, n), dtype=np.int64)
        pairs.indices = pairs.indices.astype(np.int32)
    who = sp.csr_array((np.ones(liked.nnz, np.bool_), liked.indices, liked.indptr), shape=liked.shape).T.tocsr()
    work = np.diff(pairs.indptr) + products(who, liked)
    blocks = [
        _summed(
            start, stop, int(np.minimum(work[start:stop], n).sum()), who.indptr, who.indices, liked.indptr, liked.indices, weight,
            pairs.indptr, pairs.indices, pairs.data,
        )
        for start, stop in pairwise(cuts_by_work(work + 1, _BLOCK))
    ]  # fmt: skip
    data, codes, counts = (np.concatenate(arrays) for arrays in zip(*blocks, strict=True))
    return sp.csr_array((data, codes, index_pointer(counts)), shape=(n, n))


@dataclass(frozen=True, eq=False)
class Sets:
    """What people like otherwise than the pairs have it: sets of items with a weight, positive or negative, found by their members.

    Entries only ever come behind the others, so that older values of this class, which share the arrays, stay as they are; a set
    that is out of date weighs 0.

    Shapes:
        members: int32[at least used], the sets one after the other; owner: int32, the set of each entry; before: int64, the entry of
        the same item before it, -1 for none; bounds: int64[at least sets + 1]; weight: int64[sets]; last: int64[items], the last
        entry of each item, -1 for none.
    """

    members: Codes
    owner: Codes
    before: Longs
    bounds: Longs
    weight: Longs
    last: Longs
    used: int = 0

    @classmethod
    def none(cls, n_items: int) -> Self:
        """Return no set."""
        codes, longs = np.zeros(0, np.int32), np.zeros(0, np.int64)
        return cls(codes, codes, longs, np.zeros(1, np.int64), longs, np.full(n_items, -1, np.int64))

    def __getitem__(self, place: int) -> Codes:
        return self.members[self.bounds[place] : self.bounds[place + 1]]

    def updated(self, added: Sequence[tuple[Codes, int]], dropped: Sequence[int]) -> Self:
        """Return these sets and some more, without those that are dropped; for the newest value alone, one thread at a time."""
        used, many = self.used, len(self.weight)
        needed = used + sum(len(codes) for codes, _ in added)
        members, owner, before = (_with_room(array, used, needed) for array in (self.members, self.owner, self.before))
        bounds = _with_room(self.bounds, many + 1, many + 1 + len(added))
        weight = np.concatenate([self.weight, np.array([weight for _, weight in added], np.int64)])
        weight[list(dropped)] = 0
        last = self.last.copy()
        for place, (codes, _) in enumerate(added, many):
            entries = slice(used, used + len(codes))
            members[entries], owner[entries], before[entries] = codes, place, last[codes]
            last[codes] = np.arange(entries.start, entries.stop)
            bounds[place + 1] = used = entries.stop
        return type(self)(members, owner, before, bounds, weight, last, used)

    def pairs(self) -> int:
        """Return how many pairs of items the sets that count hold."""
        lengths = np.diff(self.bounds[: len(self.weight) + 1])
        return int((lengths[self.weight != 0] ** 2).sum())

    def matrix(self) -> CSR:
        """Return ones at the members; sparse[sets, items]."""
        pointer = self.bounds[: len(self.weight) + 1]
        ones = np.ones(self.used, np.bool_)
        return sp.csr_array((ones, self.members[: self.used], pointer), shape=(len(self.weight), len(self.last)))


@dataclass(frozen=True, eq=False)
class Counts:
    """How often items are liked by the same people, weighted, at one moment: pairs, and what people like since.

    Nothing of it changes: readers take the newest once, and see all of a change or nothing of it.

    Shapes:
        pairs: sparse int64[items, items]; own: int64[items], how much those who like an item weigh; length: float32[items], its root.
    """

    pairs: CSR
    sets: Sets
    own: Longs
    length: Floats

    @classmethod
    def of(cls, liked: CSR, weight: Longs) -> Self:
        """Sum up what people like, sparse[users, items] of ones, by what each of them weighs."""
        own = np.zeros(liked.shape[1], np.int64)
        np.add.at(own, liked.indices, np.repeat(weight, np.diff(liked.indptr)))
        return cls(summed(liked, weight), Sets.none(len(own)), own, _root(own))

    @property
    def warm(self) -> Mask:
        """bool[items]: which are liked by somebody."""
        return self.own > 0

    def updated(self, added: Sequence[tuple[Codes, int]], dropped: Sequence[int]) -> Self:
        """Return the counts with more sets, without those that are dropped: each its codes, ascending, and its weight."""
        own = self.own.copy()
        for place in dropped:
            own[self.sets[place]] -= self.sets.weight[place]
        for codes, weight in added:
            own[codes] += weight
        return replace(self, sets=self.sets.updated(added, dropped), own=own, length=_root(own))

    def folded(self) -> Self:
        """Return the same counts with all sets in the pairs; this takes a while."""
        pairs = summed(self.sets.matrix(), self.sets.weight, self.pairs)
        return type(self)(pairs, Sets.none(len(self.own)), self.own, self.length)

    def row(self, item: int) -> Longs:
        """Return how much those who like an item and each other weigh; int64[items], 0 at the item."""
        sets = self.sets
        return _row(
            item, self.pairs.indptr, self.pairs.indices, self.pairs.data,
            sets.last, sets.before, sets.owner, sets.bounds, sets.members, sets.weight,
        )  # fmt: skip

    def scores(self, history: CSR, shrink: float) -> Floats:
        """Return sums of damped cosines with the items of each row; sparse[q, items] -> float32[q, items], 0 at what nothing speaks for."""
        pairs, sets = self.pairs, self.sets

        def fill(start: int, stop: int) -> Floats:
            return _scores(
                start, stop, history.indptr, history.indices, pairs.indptr, pairs.indices, pairs.data, sets.last,
                sets.before, sets.owner, sets.bounds, sets.members, sets.weight, self.length, shrink * ONE,
            )  # fmt: skip

        n = len(self.own)
        blocks = map_blocks(fill, cuts_by_work(products(history, pairs) + n // 4, _BLOCK))
        return np.concatenate(blocks) if blocks else np.zeros((0, n), np.float32)


def _root(own: Longs) -> Floats:
    return np.sqrt(own.astype(np.float64)).astype(np.float32)


def _with_room(array: _Array, used: int, needed: int) -> _Array:
    """Return the array, or a copy with more room behind what is used."""
    if needed <= len(array):
        return array
    wider = np.empty(2 * needed, array.dtype)
    wider[:used] = array[:used]
    return wider


@compiled
def _scores(
    start: int, stop: int, pointer: _Array, liked: _Array, pair_pointer: _Array, pair_codes: _Array, pair: Longs,
    last: Longs, before: Longs, owner: Codes, bounds: Longs, members: Codes, weight: Longs,
    length: Floats, shrink: float,
) -> Floats:  # fmt: skip
    """Return the sums of damped cosines for some rows of histories, from the pairs and then from the sets of each liked item."""
    n = len(length)
    scores = np.empty((stop - start, n), np.float32)
    sums = np.empty(n, np.float64)
    for row in range(start, stop):
        sums[:] = 0
        for place in range(pointer[row], pointer[row + 1]):
            item = liked[place]
            own = np.float64(length[item])
            for edge in range(pair_pointer[item], pair_pointer[item + 1]):
                other = pair_codes[edge]
                bottom = own * length[other] + shrink
                if bottom > 0:
                    sums[other] += pair[edge] / bottom
            entry = last[item]
            while entry >= 0:
                holder = owner[entry]
                if weight[holder] != 0:
                    for inner in range(bounds[holder], bounds[holder + 1]):
                        other = members[inner]
                        bottom = own * length[other] + shrink
                        if other != item and bottom > 0:
                            sums[other] += weight[holder] / bottom
                entry = before[entry]
        scores[row - start] = sums
    return scores


@compiled
def _row(
    item: int, pair_pointer: _Array, pair_codes: _Array, pair: Longs,
    last: Longs, before: Longs, owner: Codes, bounds: Longs, members: Codes, weight: Longs,
) -> Longs:  # fmt: skip
    """Return the pairs of one item, those of the sets with them."""
    row = np.zeros(len(last), np.int64)
    for edge in range(pair_pointer[item], pair_pointer[item + 1]):
        row[pair_codes[edge]] += pair[edge]
    entry = last[item]
    while entry >= 0:
        holder = owner[entry]
        for inner in range(bounds[holder], bounds[holder + 1]):
            row[members[inner]] += weight[holder]
        entry = before[entry]
    row[item] = 0
    return row


@compiled
def _summed(
    start: int, stop: int, room: int, who_pointer: _Array, who: _Array, liked_pointer: _Array, liked: _Array, weight: Longs,
    pair_pointer: _Array, pair_codes: _Array, pair: Longs,
) -> tuple[Longs, Codes, Longs]:  # fmt: skip
    """Return the pairs of some items, those of the people who like them on top; `room` is at least how many there can be."""
    width = len(pair_pointer) - 1
    total = np.zeros(width, np.int64)
    owner = np.full(width, -1, np.int64)
    touched = np.empty(width, np.int32)
    data = np.empty(room, np.int64)
    codes = np.empty(room, np.int32)
    counts = np.zeros(stop - start, np.int64)
    end = 0
    for row in range(start, stop):
        met = 0
        for edge in range(pair_pointer[row], pair_pointer[row + 1]):
            other = pair_codes[edge]
            owner[other] = row
            total[other] = pair[edge]
            touched[met] = other
            met += 1
        for place in range(who_pointer[row], who_pointer[row + 1]):
            person = who[place]
            if weight[person] != 0:
                for inner in range(liked_pointer[person], liked_pointer[person + 1]):
                    other = liked[inner]
                    if owner[other] == row:
                        total[other] += weight[person]
                    else:
                        owner[other] = row
                        total[other] = weight[person]
                        touched[met] = other
                        met += 1
        begin = end
        for place in range(met):
            other = touched[place]
            if total[other] != 0 and other != row:
                codes[end] = other
                data[end] = total[other]
                end += 1
        counts[row - start] = end - begin
    return data[:end].copy(), codes[:end].copy(), counts
