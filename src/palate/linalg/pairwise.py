"""Stochastic gradients over pairs of a liked and another item, on several cores and the same for any number of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palate.core.compiled import compiled, compiled_sums
from palate.core.types import CSR, Codes, Floats
from palate.linalg.parallel import map_blocks

_GROUPS = 4
_CROWD = 32
"""Fewer items than this in a group leave too little to compare with."""

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pairwise:
    """What is learned, changed in place by `epoch`.

    Shapes:
        people: float32[users, f]; things: float32[items, f]; bias: float32[items].
    """

    people: Floats
    things: Floats
    bias: Floats


class Descent:
    """Walks over all likes in random order, an epoch at a time (Rendle et al. 2009, figure 4).

    For a like (u, i) and an item j that u does not like, the gradient of ln sigma(x_ui - x_uj), with x_ui = b_i +
    <p_u, q_i>, moves p_u, q_i, q_j, b_i and b_j.

    Each epoch deals users and items at random into as many groups. The likes of user group g among item group h, with
    other items drawn from h too, touch nothing that those of another g and another h touch: so the cells of each
    diagonal run at the same time, and the result does not depend on how many really do. Over the epochs every item
    meets every other.

    Shapes:
        liked: sparse[users, items].
    """

    def __init__(self, liked: CSR, rng: np.random.Generator, threads: int | None = None) -> None:
        self._rng, self._threads = rng, threads
        liked = liked if liked.has_sorted_indices else liked.sorted_indices()
        self._shape = (int(liked.shape[0]), int(liked.shape[1]))
        self._pointer = liked.indptr.astype(np.int64)
        self._item = liked.indices.astype(np.int32, copy=False)
        self._user = np.repeat(np.arange(self._shape[0], dtype=np.int32), np.diff(self._pointer))
        self._warm = np.flatnonzero(np.bincount(self._item, minlength=self._shape[1])).astype(np.int32)
        self._groups = max(1, min(_GROUPS, len(self._warm) // _CROWD))

    def epoch(self, learned: Pairwise, lr: float, reg: float) -> int:
        """Take one step for each like; return for how many an item was found that the user does not like."""
        groups = self._groups
        dealt = self._warm[self._rng.permutation(len(self._warm))]
        pools = [np.ascontiguousarray(dealt[group::groups]) for group in range(groups)]
        item_group = np.zeros(self._shape[1], dtype=np.int32)
        for group, pool in enumerate(pools):
            item_group[pool] = group
        user_group = (self._rng.permutation(self._shape[0]) % groups).astype(np.int32)
        order = self._rng.permutation(len(self._user)).astype(np.int32)
        start, user, item = _dealt(order, self._user, self._item, user_group, item_group, groups)
        seeds = self._rng.integers(1, 1 << 62, size=(groups, groups))
        taken = np.zeros((groups, groups), dtype=np.int64)
        for shift in range(groups):

            def cell(group: int, _: int, shift: int = shift) -> None:
                other = (group + shift) % groups
                here = slice(*start[group * groups + other :][:2])
                taken[group, other] = _steps(
                    user[here], item[here], self._pointer, self._item, pools[other],
                    learned.people, learned.things, learned.bias, np.float32(lr), np.float32(reg), seeds[group, other],
                )  # fmt: skip

            map_blocks(cell, range(groups + 1), self._threads)
        return int(taken.sum())


@compiled
def _dealt(
    order: Codes, user: Codes, item: Codes, user_group: Codes, item_group: Codes, groups: int
) -> tuple[Longs, Codes, Codes]:
    """Return the likes cell by cell, in the given order within each, and where each cell begins."""
    start = np.zeros(groups * groups + 1, np.int64)
    for n in range(len(user)):
        start[user_group[user[n]] * groups + item_group[item[n]] + 1] += 1
    start = np.cumsum(start)
    place = start.copy()
    users, items = np.empty_like(user), np.empty_like(item)
    for n in order:
        cell = user_group[user[n]] * groups + item_group[item[n]]
        users[place[cell]] = user[n]
        items[place[cell]] = item[n]
        place[cell] += 1
    return start, users, items


@compiled_sums
def _steps(
    users: Codes, items: Codes, pointer: Longs, liked: Codes, pool: Codes,
    people: Floats, things: Floats, bias: Floats, lr: np.float32, reg: np.float32, seed: int,
) -> int:  # fmt: skip
    """Take one step for each of these likes; other items come from the pool by xorshift numbers (Marsaglia 2003)."""
    state = np.uint64(seed)
    size = np.uint64(len(pool))
    half = np.uint64(32)
    width = people.shape[1]
    taken = 0
    for n in range(len(users)):
        user, good = users[n], items[n]
        other = good
        for _ in range(16):
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            drawn = pool[((state >> half) * size) >> half]
            low, high = pointer[user], pointer[user + 1]
            end = high
            while low < high:
                middle = (low + high) >> 1
                if liked[middle] < drawn:
                    low = middle + 1
                else:
                    high = middle
            if low == end or liked[low] != drawn:
                other = drawn
                break
        if other == good:
            continue
        taken += 1
        person, better, worse = people[user], things[good], things[other]
        ahead = bias[good] - bias[other]
        for f in range(width):
            ahead += person[f] * (better[f] - worse[f])
        doubt = np.float32(1) / (np.float32(1) + np.exp(ahead))
        for f in range(width):
            p, b, w = person[f], better[f], worse[f]
            person[f] = p + lr * (doubt * (b - w) - reg * p)
            better[f] = b + lr * (doubt * p - reg * b)
            worse[f] = w - lr * (doubt * p + reg * w)
        bias[good] += lr * (doubt - reg * bias[good])
        bias[other] -= lr * (doubt + reg * bias[other])
    return taken
