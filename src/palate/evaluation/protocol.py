"""How a model is judged: what it may know, what is masked, who counts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from palate.core.errors import ConfigError, DataError, RequestError, did_you_mean
from palate.core.types import CSR, Codes
from palate.data.dataset import Dataset
from palate.data.split._base import Split
from palate.evaluation._beyond import GROUPS, Shelf
from palate.evaluation._figures import Figures
from palate.evaluation._scoring import candidate_items, cold_share, ranked_lists, relevant_items
from palate.evaluation.groups import BY
from palate.evaluation.result import Evaluation
from palate.interfaces import Recommender
from palate.metrics import Measure, parse_measures

Protocol: TypeAlias = Literal["strict", "refit"]
On: TypeAlias = Literal["test", "valid"]
DEFAULT_METRICS = GROUPS["accuracy"]
MEMORY_MB = 128
_SHORT = 100
"""A list may be this long whatever the catalogue, so that the usual k work on small ones."""


def evaluate(
    model: Recommender,
    split: Split,
    k: int | Sequence[int] = 20,
    metrics: Sequence[str] | str = DEFAULT_METRICS,
    protocol: Protocol = "strict",
    on: On = "test",
    *,
    by: Sequence[str] | str = (),
    compat: str | None = None,
    candidates: str = "all",
    categories: str | None = None,
    memory_mb: int = MEMORY_MB,
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Judge a fitted model by what users liked in the test (or validation) part of a split.

    strict: the model was fitted on `split.train`; what a user met there, liked or not, is masked, nothing else.
    refit: it was fitted on `split.refit().train`; validation items are history and masked as well.
    Users count who liked at least one unmasked item of the judged part; each is ranked over all unmasked candidates.

    Args:
        model: fitted on the same users and items.
        split: gives the history, the mask and the judged part.
        k: the length of the lists, or several.
        metrics: names; those with a cut-off get each k, unless they carry their own ("ndcg@10"). `accuracy` stands
            for the default ones, `beyond` for all metrics beyond accuracy that the data allow.
        protocol: strict or refit.
        on: the part to judge by.
        by: also divide the figures by "history" (likes of the user in training), by "popularity" (of what is to be
            found), or both.
        compat: a library whose definitions to use where they differ: implicit, lenskit, ranx. The names of those
            metrics carry it.
        candidates: which items can be listed and looked for: all, warm (met in training) or cold (never met there).
        categories: the column of the catalogue that holds the categories; needed where several could be meant.
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
        >>> model = palate.models.Popularity().fit(split.train)
        >>> found = palate.evaluate(model, split, k=3, metrics=["recall"])
        >>> found.users, found.metrics
        (4, {'recall@3': 1.0})
        >>> palate.evaluate(model, split, k=3, metrics=["ndcg"], by=["history"]).by_history["group"].to_list()
        ['2']
    """
    if not isinstance(split, Split):
        raise DataError(f"evaluate was given a {type(split).__name__}: give the Split that palate.split(data) returns")
    start = time.perf_counter()
    by = _groups_asked(by)
    known, judged = parts_of(split, protocol, on)
    shelf = Shelf(known, categories)
    names, notes = shelf.expanded([metrics] if isinstance(metrics, str) else metrics)
    measures = parse_measures(names, [k] if isinstance(k, int) else list(k), compat)
    check_fitted(model, known, protocol)
    pool = candidate_items(known, candidates)
    relevant = _relevant(known, judged, pool, on)
    notes += shelf.notes(measures)
    lists = ranked_lists(
        model, known, relevant, longest_list(measures, len(known.items)), candidates=pool,
        with_auc=Measure("auc") in measures, memory_mb=memory_mb, label=f"{model.name}: ranking for {on}",
    )  # fmt: skip
    figures = Figures.of(lists, measures, shelf, pool, by, resamples, seed)
    return Evaluation(
        model=model.name, on=on, protocol=protocol, how=split.how, user_codes=lists.users, unscored=lists.unscored,
        candidates=candidates, cold=cold_share(known, relevant), compat=compat, notes=notes,
        seconds={"evaluate": time.perf_counter() - start}, **vars(figures),
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


def _relevant(known: Dataset, judged: Dataset, pool: Codes | None, on: On) -> CSR:
    relevant = relevant_items(known, judged, pool)
    if relevant.nnz == 0:
        among = "" if pool is None else f" among the {len(pool):,} candidates"
        raise DataError(
            f"the {on} part holds no new like{among} ({len(judged.interactions):,} interactions, liked means "
            f"{judged.positive.rule}): nobody can be judged by it; split otherwise or widen the rule"
        )
    return relevant


def _groups_asked(by: Sequence[str] | str) -> Sequence[str]:
    asked = [by] if isinstance(by, str) else list(by)
    for each in asked:
        if each not in BY:
            raise RequestError(f"figures cannot be divided by '{each}': {did_you_mean(each, BY)}")
    return asked


def longest_list(measures: Sequence[Measure], n: int) -> int:
    """Return the length that the lists must have for some metrics, of a catalogue of `n` items.

    Raises:
        ConfigError: it is longer than the catalogue.
    """
    longest = max(measure.k or 1 for measure in measures)
    if longest > max(n, _SHORT):
        raise ConfigError(f"k was {longest:,} and there are {n:,} items: give at most {max(n, _SHORT):,}")
    return longest
