"""Whether training tells the test at all, or the two are of different times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.clean._problem import Problem, problem
from palate.data.split._base import Split

_GAP = 0.15
"""How much better the counts of validation must correlate with those of test than training's do."""
_ERRORS = 4
"""And by how many standard errors."""
_LIST = 20
Doubles = npt.NDArray[np.float64]


def of_shift(split: Split) -> list[Problem]:
    """Tell where validation's item counts foretell those of test much better than training's do.

    Training has many times the events of validation, so under a split that is not shifted its counts foretell better.
    The gap is measured between Fisher-transformed correlations (Fisher 1921); the standard error of their difference is
    about sqrt(2 / (items - 3)).
    """
    n = len(split.train.items)
    train, valid, test = (
        np.bincount(part.interactions.item, minlength=n).astype(np.float64)
        for part in (split.train, split.valid, split.test)
    )
    met = (train > 0) | (valid > 0) | (test > 0)
    if met.sum() < 10 or not valid.any() or not test.any():
        return []
    by_train, by_valid = _correlation(train[met], test[met]), _correlation(valid[met], test[met])
    error = np.sqrt(2 / (met.sum() - 3))
    apart = np.arctanh(np.clip(by_valid, -0.999, 0.999)) - np.arctanh(np.clip(by_train, -0.999, 0.999))
    if by_valid - by_train < _GAP or apart < _ERRORS * error:
        return []
    first, second = (_found(split, counts) for counts in (valid, train))
    what = (
        f"the split is shifted in time: item counts of validation and test correlate {by_valid:.2f}, of training and test "
        f"{by_train:.2f}; the {_LIST} items most met in validation are {first:.1%} of what users liked in test, those of "
        f"training {second:.1%}. Figures of this split say little of others, and a refit on validation would look like "
        "a better model"
    )
    risen = np.argsort(-(valid / valid.sum() - train / max(train.sum(), 1)), kind="stable")[:_LIST]
    return problem("split-shift", what, split.train.items.decode(risen.astype(np.int32)))


def _correlation(one: Doubles, other: Doubles) -> float:
    if not one.std() or not other.std():
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _found(split: Split, counts: Doubles) -> float:
    """Return the mean over users of the share of their new likes in test that one constant list holds."""
    wanted = split.test.liked - split.test.liked.multiply(split.train.seen)
    best = np.argsort(-counts, kind="stable")[:_LIST]
    per_user = np.asarray(wanted.sum(axis=1)).ravel()
    held = np.asarray(wanted.tocsc()[:, best].sum(axis=1)).ravel()
    some = per_user > 0
    return float((held[some] / per_user[some]).mean()) if some.any() else 0.0
