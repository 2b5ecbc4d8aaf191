"""Users who act like machines: too fast, too even, all alike, or everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palate.clean._problem import Problem, problem
from palate.core.rng import generator
from palate.core.types import Mask
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions

TOLD = 0.5
"""A user of this score or more is told to be a bot."""
LEAST = 0.1
"""At least this share of a bot's interactions stays when they are thinned."""
_FEWEST = 10
"""Interactions from which on a user is judged."""
_HOUR = 3600
_PAUSE = 10
"""Seconds; of shorter pauses, counted in whole seconds, many are equally long by chance."""
_COARSE = 0.9
"""Where more of the times than this fall on full hours, they are not fine enough to tell a pace."""
_FROM, _UP_TO = 3.0, 7.0
"""Robust deviations above the median user at which suspicion begins, and at which it is whole."""
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Sign:
    floor: float
    """Below it nobody is suspected, whatever others do."""
    spread: float
    """The deviation is at least this: where all users are alike, a small difference says little."""
    told: str
    logarithm: bool = False


SIGNS: Mapping[str, _Sign] = {
    "burst": _Sign(30, 0.3, "{:.0f} interactions within an hour", logarithm=True),
    "even": _Sign(0.5, 0.1, "{:.0%} of the pauses are equally long"),
    "copied": _Sign(0.6, 0.1, "{:.0%} of it is, in this order, what another did"),
    "breadth": _Sign(0.25, 0.3, "{:.0%} of all items met", logarithm=True),
}
"""What is measured of each user: most interactions in any hour; share of the pauses within 5 % of the user's median
pause; share of the runs of three items that one and the same other user has; share of all items."""


@dataclass(frozen=True, eq=False)
class Suspects:
    """How much each user acts like a machine.

    Shapes:
        score: float64[users], 0 … 1; sign: for each user the name of the sign that says most; values: each float64[users],
        NaN where a user is not judged.
    """

    score: Doubles
    sign: npt.NDArray[np.str_]
    values: Mapping[str, Doubles]

    @property
    def told(self) -> Mask:
        """bool[users]: who is told to be a bot."""
        return np.asarray(self.score >= TOLD)


def suspects(data: Dataset) -> Suspects:
    """Score every user: the largest of the suspicions that the signs raise.

    A sign raises suspicion by how far a user is above the median user, in units of 1.4826 times the median absolute
    deviation: none up to 3, all of it from 7 on. So where everybody rates a hundred films in an hour, that is no sign.

    Missing data:
        Without times, or with times of whole hours or days, only breadth is judged; users with fewer than ten
        interactions are not.
    """
    events, n = data.interactions, len(data.users)
    values = _measured(events, n, len(data.items))
    raised = {name: _suspicion(values[name], SIGNS[name]) for name in values}
    table = np.stack([raised[name] for name in SIGNS]) if n else np.zeros((len(SIGNS), 0))
    return Suspects(table.max(axis=0), np.array(list(SIGNS))[table.argmax(axis=0)], values)


def of_bots(data: Dataset) -> list[Problem]:
    """Tell which users act like machines, and why."""
    found = suspects(data)
    codes = np.flatnonzero(found.told)
    codes = codes[np.argsort(-found.score[codes], kind="stable")]
    share = found.told[data.interactions.user].mean() if len(data.interactions) else 0.0
    what = f"{{n}} of {len(data.users):,} users act like machines; {share:.1%} of the interactions are theirs"
    ids = data.users.decode(codes)
    why = [
        SIGNS[sign].told.format(found.values[sign][code]) for code, sign in zip(codes, found.sign[codes], strict=True)
    ]
    details = [f"{who} ({told})" for who, told in zip(ids, why, strict=True)]
    return problem("bots", what, ids, details=details)


def of_machines(data: Dataset, share_kept: bool, seed: int) -> Mask:
    """Return which interactions of bots go: all, or so many that 1 − score of them stays, at least a tenth and one.

    Shapes:
        -> bool[interactions].
    """
    found, user = suspects(data), data.interactions.user
    gone = found.told[user]
    if not share_kept:
        return gone
    rng = generator(seed, "clean", "bots")
    for code in np.flatnonzero(found.told):
        rows = np.flatnonzero(user == code)
        stay = max(1, round(max(LEAST, 1 - found.score[code]) * len(rows)))
        gone[rng.permutation(rows)[:stay]] = False
    return gone


def _suspicion(values: Doubles, sign: _Sign) -> Doubles:
    judged = np.isfinite(values)
    if not judged.any():
        return np.zeros(len(values))
    seen = np.log1p(values) if sign.logarithm else values
    middle = np.median(seen[judged])
    spread = max(1.4826 * float(np.median(np.abs(seen[judged] - middle))), sign.spread)
    raised = np.clip(((seen - middle) / spread - _FROM) / (_UP_TO - _FROM), 0, 1)
    return np.where(judged & (values >= sign.floor), np.nan_to_num(raised), 0.0)


def _measured(events: Interactions, n_users: int, n_items: int) -> dict[str, Doubles]:
    count = np.bincount(events.user, minlength=n_users)
    judged = count >= _FEWEST
    pairs = np.unique(events.user.astype(np.int64) * max(n_items, 1) + events.item)
    breadth = np.bincount(pairs // max(n_items, 1), minlength=n_users) / max(n_items, 1)
    values = {name: np.full(n_users, np.nan) for name in SIGNS}
    if events.time is not None and len(events) and (events.time % _HOUR == 0).mean() < _COARSE:
        order = np.lexsort((events.time, events.user))
        user, item, time = events.user[order], events.item[order], events.time[order]
        values["burst"] = _most_in_an_hour(user, time, n_users)
        values["even"] = _evenness(user, time, n_users)
        values["copied"] = _copied(user, item, n_users, n_items)
    values["breadth"] = breadth
    return {name: np.where(judged, of_user, np.nan) for name, of_user in values.items()}


def _most_in_an_hour(user: npt.NDArray[np.int32], time: npt.NDArray[np.int64], n_users: int) -> Doubles:
    """Shapes: user, time sorted by user and then time."""
    since = time - time.min()
    key = user.astype(np.int64) * (int(since.max()) + 2 * _HOUR) + since
    within = np.searchsorted(key, key + _HOUR, side="left") - np.arange(len(key))
    most = np.zeros(n_users)
    np.maximum.at(most, user, within)
    return most


def _evenness(user: npt.NDArray[np.int32], time: npt.NDArray[np.int64], n_users: int) -> Doubles:
    same = user[1:] == user[:-1]
    pause, who = np.diff(time)[same].astype(np.float64), user[1:][same]
    order = np.lexsort((pause, who))
    pause, who = pause[order], who[order]
    count = np.bincount(who, minlength=n_users)
    ends = np.cumsum(count)
    middle = np.zeros(n_users)
    some = count > 0
    middle[some] = pause[(ends - count + count // 2)[some]]
    near = np.abs(pause - middle[who]) <= 0.05 * middle[who]
    share = np.bincount(who, near & (middle[who] >= _PAUSE), minlength=n_users) / np.maximum(count, 1)
    return np.where(some, share, np.nan)


def _copied(user: npt.NDArray[np.int32], item: npt.NDArray[np.int32], n_users: int, n_items: int) -> Doubles:
    """Return the share of a user's runs of three items that one and the same other user has.

    That other one is the next in the circle of all who have the run: among copies mostly the same, in a crowd that was
    shown the same list of things any.
    """
    wide = item.astype(np.uint64)
    n = np.uint64(max(n_items, 1))
    run = (wide[:-2] * n + wide[1:-1]) * n + wide[2:]  # of more than two million items it wraps around: a hash
    inside = user[2:] == user[:-2]
    runs, who = np.unique(np.stack([run[inside], user[2:][inside].astype(np.uint64)]), axis=1)
    who = who.astype(np.int64)
    first = np.flatnonzero(np.diff(runs, prepend=runs[:1] + 1) != 0)
    length = np.diff(np.append(first, len(runs)))
    start, last = np.repeat(first, length), np.repeat(first + length - 1, length)
    place = np.arange(len(runs))
    partner = who[np.where(place == last, start, np.minimum(place + 1, len(runs) - 1))]
    shared = partner != who
    pairs, times = np.unique(np.stack([who[shared], partner[shared]]), axis=1, return_counts=True)
    most = np.zeros(n_users)
    np.maximum.at(most, pairs[0], times)
    count = np.bincount(who, minlength=n_users)
    return np.where(count > 0, most / np.maximum(count, 1), np.nan)
