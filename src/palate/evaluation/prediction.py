"""How predictions are judged: ratings by how far they are off, probabilities of a like by how well they tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, cast

import numpy as np

from palate.core.errors import DataError, RequestError
from palate.core.progress import progress
from palate.core.types import Codes
from palate.data.dataset import Dataset
from palate.data.split._base import Split
from palate.evaluation._pairs import (
    SAMPLED,
    Judged,
    against_sampled,
    disliked,
    has_dislikes,
    level_baselines,
    popularity_baselines,
    rated,
)
from palate.evaluation.predicted import Predicted
from palate.evaluation.protocol import On, Protocol, check_fitted, parts_of
from palate.interfaces import Predicts, Queries, Recommender
from palate.metrics._hits import Doubles
from palate.metrics.intervals import resampled_users
from palate.metrics.prediction import CLICKS, RATINGS, auc, auc_resampled, click_sums, rating_sums
from palate.models._examples import Index

_USERS = 1024


def evaluate_ratings(
    model: Recommender,
    split: Split,
    protocol: Protocol = "strict",
    on: On = "test",
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Predicted:
    """Judge predicted ratings by the weights in the test (or validation) part: RMSE and MAE over all pairs.

    Args:
        model: predicts ratings; fitted on what the protocol allows.
        split: gives the histories and the judged part; pairs that were met before are left out.
        protocol: strict or refit, as in `evaluate`.
        on: the part to judge by.
        resamples: bootstrap resamples of users behind the intervals.
        seed: of the bootstrap.

    Missing data:
        A pair that the model cannot predict counts as predicted by the mean of the training data; `unpredicted` is
        the share of these.
    Raises:
        RequestError: the model does not predict ratings.
        DataError: it was fitted on something else, or there is nothing to judge by.
    """
    start = time.perf_counter()
    known, judged = _opened(model, split, protocol, on, "rating")
    pairs = rated(known, judged, on)
    said = level_baselines(known, pairs, "rating")
    return _judged(model, split, known, pairs, said, "rating", protocol, on, resamples, seed, start)


def evaluate_clicks(
    model: Recommender,
    split: Split,
    protocol: Protocol = "strict",
    on: On = "test",
    *,
    negatives: int | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Predicted:
    """Judge probabilities of a like: AUC, log loss and, at 0.5, accuracy, precision, recall and F1 over all pairs.

    Likes of the judged part are told from its explicit dislikes, where the training data hold any, else from sampled
    negatives: items that the user met in no part. Sampled negatives are an assumption: AUC depends on how they are
    drawn, and all other metrics on how many there are, so compare only figures with the same ones.

    Args:
        model: predicts clicks; fitted on what the protocol allows.
        split: gives the histories and the judged part; pairs that were met before are left out.
        protocol: strict or refit, as in `evaluate`.
        on: the part to judge by. By "valid", negatives may be items of test: whoever chooses must not know these.
        negatives: so many sampled for each like, even where there are dislikes; None samples 4 where there are none.
        resamples: bootstrap resamples of users behind the intervals.
        seed: of the negatives and of the bootstrap.

    Missing data:
        A pair that the model cannot predict counts as predicted by the constant baseline; `unpredicted` is the share
        of these.
    Raises:
        RequestError: the model does not predict clicks.
        DataError: it was fitted on something else, or there is nothing to judge by.

    Example:
        >>> import polars as pl
        >>> import palate
        >>> from palate.data.features import features_of
        >>> from palate.evaluation import evaluate_clicks
        >>> events = pl.DataFrame({"user_id": list("aaaabbbbccccdddd"), "item_id": list("1234123456785678")})
        >>> data = palate.from_frames(events).with_features(side=features_of(np.repeat([[1.0, 0], [0, 1]], 4, axis=0)))
        >>> split = palate.split(data)
        >>> found = evaluate_clicks(palate.models.Logistic().fit(split.train), split)
        >>> found.pairs, found.metrics["auc"], found.baselines["constant"]["auc"]
        (20, 1.0, 0.5)
    """
    start = time.perf_counter()
    known, judged = _opened(model, split, protocol, on, "click")
    if negatives is None and has_dislikes(known):
        pairs = disliked(known, judged, on)
        said = level_baselines(known, pairs, "click")
    else:
        met = [split.train, split.valid, *([split.test] if on == "test" else [])]
        pairs = against_sampled(known, judged, met, SAMPLED if negatives is None else negatives, seed, on)
        said = popularity_baselines(known, pairs)
    return _judged(model, split, known, pairs, said, "click", protocol, on, resamples, seed, start)


def _opened(
    model: Recommender, split: Split, protocol: Protocol, on: On, task: Literal["click", "rating"]
) -> tuple[Dataset, Dataset]:
    if not isinstance(split, Split):
        raise DataError(f"the split was a {type(split).__name__}: give the Split that palate.split(data) returns")
    if not isinstance(model, Predicts):
        raise RequestError(
            f"{model.name} ranks items and predicts no {task}s: train a model that does, such as logistic with target={task}"
        )
    if model.predicts != task:
        raise RequestError(
            f"this {model.name} predicts {model.predicts}s, not {task}s: judge it by these, or train it with target={task}"
        )
    known, judged = parts_of(split, protocol, on)
    check_fitted(model, known, protocol)
    return known, judged


def _judged(
    model: Recommender, split: Split, known: Dataset, pairs: Judged, said: dict[str, Doubles],
    task: Literal["click", "rating"], protocol: str, on: str, resamples: int, seed: int, start: float,
) -> Predicted:  # fmt: skip
    predicted = _predictions(cast(Predicts, model), known, pairs, f"{model.name}: predicting {on}")
    nothing = np.isnan(predicted)
    predicted = np.where(nothing, next(iter(said.values())), predicted)
    measured = _clicks if task == "click" else _ratings
    names, user = np.unique(pairs.user, return_inverse=True)
    metrics, intervals = measured(pairs, predicted, user, resamples, seed)
    return Predicted(
        model=model.name, task=task, on=on, protocol=protocol, how=split.how, against=pairs.against,
        users=len(names), pairs=len(pairs.user), metrics=metrics, intervals=intervals,
        baselines={name: measured(pairs, values, user, 0, seed)[0] for name, values in said.items()},
        unpredicted=float(nothing.mean()), seconds={"evaluate": time.perf_counter() - start},
    )  # fmt: skip


def _predictions(model: Predicts, known: Dataset, pairs: Judged, label: str) -> Doubles:
    """Ask for all pairs, in blocks of users."""
    order = np.argsort(pairs.user, kind="stable")
    user, item = pairs.user[order], pairs.item[order]
    names, first = np.unique(user, return_index=True)
    ends = np.append(first[1:], len(user))
    found = np.empty(len(user))
    with progress(label, len(names), "users") as advance:
        for start in range(0, len(names), _USERS):
            codes: Codes = names[start : start + _USERS].astype(np.int32)
            rows = slice(first[start], ends[min(start + _USERS, len(names)) - 1])
            row = np.searchsorted(codes, user[rows]).astype(np.int32)
            found[rows] = model.predict(Queries.of_users(known, codes), row, item[rows])
            advance(len(codes))
    back = np.empty_like(found)
    back[order] = found
    return back


Figures = tuple[dict[str, float], dict[str, tuple[float, float]]]


def _ratings(pairs: Judged, predicted: Doubles, user: Index, resamples: int, seed: int) -> Figures:
    return _of_sums(rating_sums(pairs.truth, predicted), RATINGS, user, resamples, seed)


def _clicks(pairs: Judged, predicted: Doubles, user: Index, resamples: int, seed: int) -> Figures:
    metrics, intervals = _of_sums(click_sums(pairs.truth, predicted), CLICKS, user, resamples, seed)
    area = auc(pairs.truth, predicted)
    if not resamples:
        return {"auc": area, **metrics}, {}
    areas = auc_resampled(pairs.truth, predicted, user, resampled_users(int(user.max()) + 1, resamples, seed))
    return {"auc": area, **metrics}, {"auc": _bounds(areas), **intervals}


def _of_sums(
    sums: Doubles, metrics: dict[str, Callable[[Doubles], Doubles]], user: Index, resamples: int, seed: int
) -> Figures:
    """Return metrics over all pairs, and their intervals over users drawn again and again with all their pairs."""
    whole = sums.sum(axis=0)
    values = {name: float(metric(whole)) for name, metric in metrics.items()}
    if not resamples:
        return values, {}
    users = int(user.max()) + 1
    by_user = np.stack([np.bincount(user, column, minlength=users) for column in sums.T], axis=1)
    drawn = np.concatenate([times @ by_user for times in resampled_users(users, resamples, seed)])
    return values, {name: _bounds(metric(drawn)) for name, metric in metrics.items()}


def _bounds(values: Doubles) -> tuple[float, float]:
    low, high = np.nanquantile(values, [0.025, 0.975]) if np.isfinite(values).any() else (np.nan, np.nan)
    return float(low), float(high)
