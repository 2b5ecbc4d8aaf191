"""What training may have learned of the test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from palate.data.clean._problem import Problem, problem
from palate.data.clean._tables import twin_of
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.data.split._base import Split

_TIMED = ("leave-last-out", "global-time")
_SLIP = 0.05
"""Where fewer than this break the order of time, the order was meant; where more, the split is not one by time."""
_LATE = "{n} interactions of training are later than the first of test"
_LATER = "{n} users have interactions in training that are later than their last in test"


def of_split(split: Split) -> list[Problem]:
    """Find pairs on both sides, training after test, and held-out items that have a twin in training."""
    return [*_overlaps(split), *_times(split), *_twins(split)]


def _overlaps(split: Split) -> list[Problem]:
    data, found = split.train, []
    keys = {part: _keys(data, getattr(split, part).interactions) for part in ("train", "valid", "test")}
    for first, second in (("train", "test"), ("train", "valid"), ("valid", "test")):
        both = np.intersect1d(keys[first], keys[second])
        what = f"{{n}} pairs of user and item are both in {first} and in {second}"
        found += problem(
            "split-overlap", what, _pairs(data, both[:10_000]), count=len(both), column=f"{first}/{second}"
        )
    return found


def _times(split: Split) -> list[Problem]:
    train, test = split.train.interactions, split.test.interactions
    if train.time is None or test.time is None or not len(train) or not len(test):
        return []
    known = split.how in _TIMED
    begins = _last_by(test, _keys(split.test, test)).min()
    late = train.time >= begins if split.how != "leave-last-out" else np.zeros(len(train), dtype=bool)
    if (known or late.mean() < _SLIP) and late.any():
        users = split.train.users.decode(np.unique(train.user[late]))
        return problem("split-time", _LATE, users, count=int(late.sum()))
    n = len(split.train.users)
    last_train, last_test = _last(train, n), _last(test, n)
    both = (last_train >= 0) & (last_test >= 0)
    later = both & (last_train > last_test)
    if (known or later.sum() < _SLIP * both.sum()) and later.any():
        return problem("split-time", _LATER, split.train.users.decode(np.flatnonzero(later)))
    return []


def _twins(split: Split) -> list[Problem]:
    twin = twin_of(split.train.catalogue)
    if (twin < 0).all():
        return []
    trained = np.zeros(len(twin), dtype=bool)
    trained[split.train.interactions.item] = True
    group = np.where(twin >= 0, twin, np.arange(len(twin)))
    warm = np.zeros(len(twin), dtype=bool)
    warm[group[trained]] = True
    tested = np.unique(split.test.interactions.item)
    if trained[tested].mean() > 0.5:  # a split that does not hold items out
        return []
    leaking = tested[~trained[tested] & warm[group[tested]]]
    what = "{n} items that only test has read the same as an item in training"
    return problem("split-twins", what, split.train.items.decode(leaking))


def _keys(data: Dataset, events: Interactions) -> npt.NDArray[np.int64]:
    return events.user.astype(np.int64) * max(len(data.items), 1) + events.item


def _last_by(events: Interactions, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    assert events.time is not None
    distinct, of_row = np.unique(keys, return_inverse=True)
    last = np.full(len(distinct), -1, dtype=np.int64)
    np.maximum.at(last, of_row, events.time)
    return last


def _last(events: Interactions, n_users: int) -> npt.NDArray[np.int64]:
    assert events.time is not None
    last = np.full(n_users, -1, dtype=np.int64)
    np.maximum.at(last, events.user, events.time)
    return last


def _pairs(data: Dataset, keys: Sequence[int] | npt.NDArray[np.int64]) -> list[str]:
    width = max(len(data.items), 1)
    return [f"{data.users.ids[key // width]} → {data.items.ids[key % width]}" for key in keys]
