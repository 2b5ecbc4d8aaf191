"""Metrics of predictions: how far ratings are off, and how well probabilities tell likes from the rest.

All pairs count alike, whoever they are of. A pair of which the truth or the prediction is NaN is left out; where none
is left the metric is NaN. Each metric is made of sums over pairs, so that it can be resampled by user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.errors import DataError
from palate.metrics._hits import Doubles

Numbers = npt.NDArray[Any]
_CELLS = 1 << 20
"""Distinct predictions times resamples that are worked on at a time."""
_CERTAIN = 1e-7
"""Probabilities are held so far from 0 and 1 in the log loss."""
PAIRS, ABSOLUTE, SQUARED = range(3)
LOSS, TP, FP, FN, TN = range(1, 6)


def rating_sums(truth: Numbers, predicted: Numbers) -> Doubles:
    """Return for each pair 1, the absolute and the squared error; float64[n, 3], zeros for a pair left out."""
    truth, predicted, known = _checked(truth, predicted)
    error = predicted - truth
    return np.where(known[:, None], np.stack([np.ones_like(error), np.abs(error), error**2], axis=1), 0.0)


def click_sums(truth: Numbers, predicted: Numbers, threshold: float = 0.5) -> Doubles:
    """Return for each pair 1, the log loss, and whether it is a true or false positive, a false or true negative.

    Shapes:
        truth: 0 or 1 [n]; predicted: [n], between 0 and 1 -> float64[n, 6], zeros for a pair left out.
    """
    truth, predicted, known = _checked(truth, predicted)
    liked, said = truth > 0, predicted >= threshold
    sure = np.clip(predicted, _CERTAIN, 1 - _CERTAIN)
    loss = -np.log(np.where(liked, sure, 1 - sure))
    columns = [np.ones_like(loss), loss, liked & said, ~liked & said, liked & ~said, ~liked & ~said]
    return np.where(known[:, None], np.stack(columns, axis=1).astype(np.float64), 0.0)


def _ratio(above: Doubles, below: Doubles, empty: float) -> Doubles:
    found: Doubles = np.divide(above, below, out=np.full(np.shape(above), empty), where=np.asarray(below) > 0)
    return found


RATINGS: dict[str, Callable[[Doubles], Doubles]] = {
    "rmse": lambda sums: np.sqrt(_ratio(sums[..., SQUARED], sums[..., PAIRS], np.nan)),
    "mae": lambda sums: _ratio(sums[..., ABSOLUTE], sums[..., PAIRS], np.nan),
}
"""Metrics of rating prediction, of sums[..., 3]."""
CLICKS: dict[str, Callable[[Doubles], Doubles]] = {
    "log-loss": lambda sums: _ratio(sums[..., LOSS], sums[..., PAIRS], np.nan),
    "accuracy": lambda sums: _ratio(sums[..., TP] + sums[..., TN], sums[..., PAIRS], np.nan),
    "precision": lambda sums: _ratio(sums[..., TP], sums[..., TP] + sums[..., FP], 0.0),
    "recall": lambda sums: _ratio(sums[..., TP], sums[..., TP] + sums[..., FN], 0.0),
    "f1": lambda sums: _ratio(2 * sums[..., TP], 2 * sums[..., TP] + sums[..., FP] + sums[..., FN], 0.0),
}
"""Metrics of click prediction, of sums[..., 6]; `auc` comes beside them, since it is made of no sums."""


def rmse(truth: Numbers, predicted: Numbers) -> float:
    """Root of the mean squared error.

    Example:
        >>> rmse(np.array([1, 2, 5]), np.array([1, 4, np.nan])) ** 2
        2.0000000000000004
    """
    return float(RATINGS["rmse"](rating_sums(truth, predicted).sum(axis=0)))


def mae(truth: Numbers, predicted: Numbers) -> float:
    """Mean absolute error.

    Example:
        >>> mae(np.array([1, 2]), np.array([1, 4]))
        1.0
    """
    return float(RATINGS["mae"](rating_sums(truth, predicted).sum(axis=0)))


def log_loss(truth: Numbers, predicted: Numbers) -> float:
    """Mean of -log of the probability given to what happened, held 1e-7 from 0 and 1.

    Example:
        >>> round(log_loss(np.array([1, 0]), np.array([0.5, 0.5])), 4)
        0.6931
    """
    return float(CLICKS["log-loss"](click_sums(truth, predicted).sum(axis=0)))


def accuracy(truth: Numbers, predicted: Numbers, threshold: float = 0.5) -> float:
    """Share of pairs on the right side of the threshold; a probability at the threshold says yes."""
    return float(CLICKS["accuracy"](click_sums(truth, predicted, threshold).sum(axis=0)))


def precision(truth: Numbers, predicted: Numbers, threshold: float = 0.5) -> float:
    """Share of likes among the pairs said to be liked; 0 where none is said to be."""
    return float(CLICKS["precision"](click_sums(truth, predicted, threshold).sum(axis=0)))


def recall(truth: Numbers, predicted: Numbers, threshold: float = 0.5) -> float:
    """Share of the likes that are said to be liked; 0 where there is none."""
    return float(CLICKS["recall"](click_sums(truth, predicted, threshold).sum(axis=0)))


def f1(truth: Numbers, predicted: Numbers, threshold: float = 0.5) -> float:
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)."""
    return float(CLICKS["f1"](click_sums(truth, predicted, threshold).sum(axis=0)))


def auc(truth: Numbers, predicted: Numbers) -> float:
    """Chance that a like of one pair is given more than the rest of another, whoever they are of; a tie counts half.

    NaN where all that is known came out the same.

    Example:
        >>> auc(np.array([1, 0, 0]), np.array([0.5, 0.5, 0.1]))
        0.75
    """
    return float(auc_resampled(truth, predicted, np.zeros(len(truth), np.int64), iter([np.ones((1, 1))]))[0])


def auc_resampled(
    truth: Numbers, predicted: Numbers, user: npt.NDArray[np.integer], times: Iterator[Doubles]
) -> Doubles:
    """Return the AUC of each resample, in which every pair counts as often as its user was drawn.

    Shapes:
        user: int[n], 0 … u - 1; times: blocks of float64[rows, u] -> float64[all rows].
    """
    truth, predicted, known = _checked(truth, predicted)
    users = int(user.max(initial=-1)) + 1
    truth, predicted, user = truth[known], predicted[known], user[known]
    values, place = np.unique(predicted, return_inverse=True)
    step = max(1, _CELLS // max(1, len(values)))
    sides = [
        sp.csr_array((np.ones(int(side.sum())), (place[side], user[side])), shape=(len(values), users))
        for side in (truth > 0, truth <= 0)
    ]
    found = []
    for block in (part[start : start + step, :users] for part in times for start in range(0, len(part), step)):
        likes, rest = (np.asarray(side @ block.T) for side in sides)
        wins = (likes * (np.cumsum(rest, axis=0) - rest / 2)).sum(axis=0)
        found.append(_ratio(wins, likes.sum(axis=0) * rest.sum(axis=0), np.nan))
    return np.concatenate(found) if found else np.zeros(0)


def _checked(truth: Numbers, predicted: Numbers) -> tuple[Doubles, Doubles, npt.NDArray[np.bool_]]:
    if np.shape(truth) != np.shape(predicted) or np.ndim(truth) != 1:
        raise DataError(
            f"truth and prediction need one number a pair each: given {np.shape(truth)} and {np.shape(predicted)}"
        )
    known = np.isfinite(truth) & np.isfinite(predicted)
    return np.where(known, truth, 0).astype(np.float64), np.where(known, predicted, 0).astype(np.float64), known
