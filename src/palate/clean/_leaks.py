"""What training may have learned of the test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from palate.clean._answers import of_answers
from palate.clean._problem import Problem, problem
from palate.clean._shift import of_shift
from palate.clean._twins import of_held_out
from palate.core.types import Codes, Mask
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.data.split._base import Split

_TIMED = ("leave-last-out", "global-time")
_SLIP = 0.05
"""Where fewer than this break the order of time, the order was meant; where more, the split is not one by time."""
_LATE = "{n} interactions of training are later than the first of test"
_LATER = "{n} users have interactions in training that are later than their last in test"


def of_split(split: Split, media: bool = True) -> tuple[list[Problem], list[str]]:
    """Find what training may have learned of the test, and what must be known beside the figures of this split.

    Pairs on both sides; training after test; held-out items that are in training, or have a twin there; columns and
    parts that follow the test; a shift in time.

    Args:
        split: what to look at.
        media: whether files may be read to find equal ones.
    """
    trained = np.zeros(len(split.train.items), dtype=bool)
    trained[split.train.interactions.item] = True
    held_out = _held_out(split, trained)
    found = [*_overlaps(split), *_times(split), *_warm(split, trained)]
    if held_out is not None:
        found += of_held_out(split.train, held_out, trained, media)
    return [*found, *of_answers(split, held_out), *of_shift(split)], [*_strangers(split), *_fitted(split, held_out)]


def _held_out(split: Split, trained: Mask) -> Codes | None:
    """Return the items of test that training never met; None where the split does not hold items out."""
    tested = np.unique(split.test.interactions.item)
    if split.how != "cold-items" and trained[tested].mean() > 0.5:
        return None
    return tested[~trained[tested]]


def _warm(split: Split, trained: Mask) -> list[Problem]:
    """Tell items that are held out, but for some interactions that slipped into training."""
    found = []
    for name in ("test", "valid"):
        tested = np.unique(getattr(split, name).interactions.item)
        warm = tested[trained[tested]]
        meant = split.how == "cold-items" or (split.how == "as-labelled" and len(warm) < _SLIP * len(tested))
        if meant:
            what = f"{{n}} of the {len(tested):,} items that {name} holds out are in training too"
            found += problem("split-warm", what, split.train.items.decode(warm), name)
    return found


def _strangers(split: Split) -> list[str]:
    tested = np.unique(split.test.interactions.user)
    known = np.zeros(len(split.train.users), dtype=bool)
    known[split.train.interactions.user] = True
    n = int((~known[tested]).sum())
    if not n:
        return []
    return [f"{n:,} of {len(tested):,} users of test have nothing in training: no model can know what they like"]


def _fitted(split: Split, held_out: Codes | None) -> list[str]:
    """Tell parts whose encoder learned from the whole catalogue, where some of it is meant to be unknown."""
    if held_out is None or not len(held_out):
        return []
    learned = [
        f"{name} ({table.encoder.name})"
        for name, table in sorted(split.train.features.items())
        if table.of == "items" and table.encoder and (table.encoder.state.arrays or table.encoder.state.meta)
    ]
    if not learned:
        return []
    return [
        f"{', '.join(learned)} learned from the whole catalogue, the {len(held_out):,} held-out items too: from what they "
        "are, not from who liked them"
    ]


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
