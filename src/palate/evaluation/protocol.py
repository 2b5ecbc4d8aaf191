"""How a model is judged: what it may know, what is masked, who counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from palate.core.errors import ConfigError, DataError, RequestError
from palate.data.dataset import Dataset
from palate.data.split._base import Split
from palate.evaluation._scoring import Lists, ranked_lists, relevant_items
from palate.evaluation.result import Evaluation, over_users
from palate.interfaces import Recommender
from palate.metrics import LISTS, Hits, Measure, coverage, parse_measures
from palate.metrics._hits import Doubles

Protocol: TypeAlias = Literal["strict", "refit"]
On: TypeAlias = Literal["test", "valid"]
DEFAULT_METRICS = ("recall", "ndcg", "precision", "hit-rate", "map", "mrr", "auc", "coverage")
MEMORY_MB = 128
_SHORT = 100
"""A list may be this long whatever the catalogue, so that the usual k work on small ones."""


def evaluate(
    model: Recommender,
    split: Split,
    k: int | Sequence[int] = 20,
    metrics: Sequence[str] = DEFAULT_METRICS,
    protocol: Protocol = "strict",
    on: On = "test",
    *,
    memory_mb: int = MEMORY_MB,
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Judge a fitted model by what users liked in the test (or validation) part of a split.

    strict: the model was fitted on `split.train`; what a user met there, liked or not, is masked, nothing else.
    refit: it was fitted on `split.refit().train`; validation items are history and masked as well.
    Users count who liked at least one unmasked item of the judged part; each is ranked over all unmasked items.

    Args:
        model: fitted on the same users and items.
        split: gives the history, the mask and the judged part.
        k: the length of the lists, or several.
        metrics: names; those with a cut-off get each k, unless they carry their own ("ndcg@10").
        protocol: strict or refit.
        on: the part to judge by.
        memory_mb: bound on the score matrices held at a time.
        resamples: bootstrap resamples behind the intervals.
        seed: of the bootstrap.

    Missing data:
        An item that the model cannot score (NaN) is never listed and so counts as a miss; `unscored` is its share.
    Raises:
        DataError: the model was fitted on something else, or the judged part holds nothing to find.
        ConfigError: k is longer than the catalogue.

    Example:
        >>> import polars as pl
        >>> import palate
        >>> events = pl.DataFrame({"user_id": list("aaaabbbbccccdddd"), "item_id": list("1234123412341256")})
        >>> split = palate.split(palate.from_frames(events))
        >>> found = palate.evaluate(palate.models.Popularity().fit(split.train), split, k=3, metrics=["recall"])
        >>> found.users, found.metrics
        (4, {'recall@3': 1.0})
    """
    if not isinstance(split, Split):
        raise DataError(f"evaluate was given a {type(split).__name__}: give the Split that palate.split(data) returns")
    start = time.perf_counter()
    measures = parse_measures(metrics, [k] if isinstance(k, int) else list(k))
    known, judged = parts_of(split, protocol, on)
    check_fitted(model, known, protocol)
    relevant = relevant_items(known, judged)
    if relevant.nnz == 0:
        raise DataError(
            f"the {on} part holds no new like ({len(judged.interactions):,} interactions, liked means "
            f"{judged.positive.rule}): nobody can be judged by it; split otherwise or widen the rule"
        )
    longest, n = max(measure.k or 1 for measure in measures), len(known.items)
    if longest > max(n, _SHORT):
        raise ConfigError(f"k was {longest:,} and there are {n:,} items: give at most {max(n, _SHORT):,}")
    lists = ranked_lists(
        model, known, relevant, longest,
        with_auc=Measure("auc") in measures, memory_mb=memory_mb, label=f"{model.name}: ranking for {on}",
    )  # fmt: skip
    per_user = _per_user(lists, measures)
    means, intervals = over_users(per_user, measures, resamples, seed)
    for measure in measures:
        if measure.metric == "coverage" and measure.k:
            means[str(measure)] = coverage(lists.items, n, measure.k)
    return Evaluation(
        model=model.name, on=on, protocol=protocol, how=split.how, metrics=means, intervals=intervals,
        per_user=per_user, user_codes=lists.users, unscored=lists.unscored,
        seconds={"evaluate": time.perf_counter() - start},
    )  # fmt: skip


def parts_of(split: Split, protocol: Protocol, on: On) -> tuple[Dataset, Dataset]:
    """Return what a model may know under a protocol, and the part it is judged by."""
    if protocol not in ("strict", "refit") or on not in ("test", "valid"):
        raise RequestError(f"protocol '{protocol}' on '{on}': allowed are strict, refit and test, valid")
    if protocol == "refit" and on == "valid":
        raise RequestError("under refit validation is part of the training data and cannot judge: use on='test'")
    known = split.train if protocol == "strict" else split.refit().train
    return known, split.test if on == "test" else split.valid


def check_fitted(model: Recommender, known: Dataset, protocol: Protocol) -> None:
    """Refuse a model that knows other users or items, or that was fitted on other interactions than it may know.

    Raises:
        DataError: which of these, and what to do.
    """
    about: Any = model
    users, items, seen = (getattr(about, name, None) for name in ("users", "items", "seen"))
    if items is None or users is None or seen is None:
        raise DataError(f"{model.name} is not fitted: call fit(split.train) before it is evaluated")
    if users != known.users or items != known.items:
        raise DataError(
            f"{model.name} was fitted on {len(users):,} users and {len(items):,} items that are not the split's "
            f"{len(known.users):,} and {len(known.items):,}: fit it on a part of this split"
        )
    if seen.nnz != known.seen.nnz or (seen != known.seen).nnz:
        wanted = "split.train" if protocol == "strict" else "split.refit().train"
        raise DataError(
            f"{model.name} was fitted on {seen.nnz:,} user-item pairs that are not the {known.seen.nnz:,} of {wanted}: "
            f"under the protocol '{protocol}' fit it on {wanted} and nothing else"
        )


def _per_user(lists: Lists, measures: tuple[Measure, ...]) -> dict[str, Doubles]:
    hits = Hits.of(lists.items, lists.relevant)
    values = {
        str(measure): LISTS[measure.metric].of_hits(hits, measure.k)
        for measure in measures
        if measure.metric in LISTS and measure.k
    }
    if lists.auc is not None:
        values["auc"] = np.asarray(lists.auc)
    return values
