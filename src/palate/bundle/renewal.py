"""A bundle made again with what a live service has taken in since, and held against the one that serves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from palate.bundle.bundle import Bundle
from palate.bundle.forget import forget_bundle
from palate.bundle.grown import Grown, grown
from palate.bundle.training import fit_again, whole
from palate.core.config import Config
from palate.core.errors import PalateError
from palate.core.types import Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.data.split import Split
from palate.data.store import Store
from palate.evaluation import evaluate
from palate.interfaces import Queries, Run
from palate.metrics.significance import paired_test
from palate.models import Model
from palate.retrieval import Decode

MEASURE, LENGTH = "ndcg", 10
"""What a new bundle is held against the old one by."""
_HELD = 0.2
"""Share of the newest events that both are judged by."""
_FEWEST = 20
"""People who liked something new in them, with which it is worth to judge."""
_ALPHA = 0.05


@dataclass(frozen=True)
class Verdict:
    """How two bundles foretell the newest events, which neither has learned from."""

    old: float
    new: float
    p_value: float
    """Of the paired test over people."""
    users: int
    events: int

    @property
    def worse(self) -> bool:
        """Whether the new one is worse, and not by chance."""
        return self.new < self.old and self.p_value < _ALPHA


@dataclass(frozen=True, eq=False)
class Renewal:
    """What came of it."""

    bundle: Bundle | None
    """None where the new one is worse."""
    verdict: Verdict | None
    """None where it was not asked for, or too little came in to judge by."""
    grown: Grown


def renewed(
    bundle: Bundle,
    store: Store,
    folder: Path | str | None = None,
    run: Run | None = None,
    *,
    judge: bool = True,
    decode: Decode | None = None,
) -> Renewal:
    """Fit a bundle's recipe again on its dataset and on what a store has, unless that makes it worse.

    To judge, the recipe is fitted first without the newest fifth of the events from which the bundle has not learned; both
    foretell these. Where 20 people liked something new in them, and the new one is worse by a paired test over people (5 %), it is
    given up; else the recipe is fitted on everything.

    Args:
        bundle: the one that serves.
        store: of the service.
        folder: where the dataset is, where it is no longer in its place.
        run: cores, checkpoints, trackers; the seed is the recipe's.
        judge: False fits at once.
        decode: reads the files of posted items, where another way than the encoder's own is wanted.

    Raises:
        BundleError: the dataset is gone.
        RequestError: the data lack what the model requires.
    """
    found = grown(whole(bundle, folder), store, decode)
    mark = store.digest("")
    known = bundle.manifest.learned
    since = known[1] if known is not None and known[0] == mark else 0
    verdict = _verdict(bundle, found, since, run) if judge else None
    if verdict is not None and verdict.worse:
        return Renewal(None, verdict, found)
    made = fit_again(bundle, found.data, run)
    last = int(found.cursors.max(initial=0))
    return Renewal(replace(made, manifest=made.manifest.model_copy(update={"learned": (mark, last)})), verdict, found)


def settle(path: Path, renewal: Renewal, store: Store) -> int:
    """Remove from a renewed bundle, once it is saved, who was erased while it was made; returns how many.

    Raises:
        BundleError: there is no bundle. StoreError: the disk refuses.
    """
    digests = {digest for _, digest in store.erased(renewal.grown.heeded)}
    found = [user for user in renewal.grown.data.users if digests and store.digest(user) in digests]
    for user in found:
        forget_bundle(path, user)
    return len(found)


def _verdict(bundle: Bundle, found: Grown, since: int, run: Run | None) -> Verdict | None:
    """Judge the recipe without the newest events against the bundle; None where there is too little to judge by."""
    new = np.flatnonzero(found.cursors > since)
    held = _mask(len(found.cursors), new[len(new) - int(_HELD * len(new)) :])
    if not held.any():
        return None
    data = found.data
    before, after = data.take_interactions(~held), data.take_interactions(held)
    fresh = after.liked.nnz - after.liked.multiply(before.seen).nnz
    if fresh == 0:
        return None
    cut = Split(before, after, after, "newest", 0)
    old = evaluate(Translated(bundle.model, before), cut, LENGTH, [MEASURE], on="valid", resamples=1)
    name = f"{MEASURE}@{LENGTH}"
    if len(old.per_user[name]) < _FEWEST:
        return None
    again = evaluate(fit_again(bundle, before, run).model, cut, LENGTH, [MEASURE], on="valid", resamples=1)
    p_value = paired_test(old.per_user[name], again.per_user[name])
    figures = [float(np.mean(judged.per_user[name])) for judged in (old, again)]
    return Verdict(figures[0], figures[1], p_value, len(old.per_user[name]), int(held.sum()))


class Translated(Model[Config]):
    """A fitted model that is asked by the codes of other data; it cannot score items that it does not know."""

    config_type = Config
    name = "translated"

    def __init__(self, model: Model[Any], data: Dataset) -> None:
        super().__init__()
        self.model = model
        self.places = model.items.codes(data.items)
        """int32[n_items]: the model's codes, -1 where it knows none."""
        self.people = model.users.codes(data.users)
        self.remember(data.users, data.items, data.history, data.seen)

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        raise PalateError("a translated model is not fitted: fit the model itself")

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return the model's scores, NaN for items that it does not know; float32[q, n]."""
        history = queries.history.tocoo()
        rows, places = history.coords[0], self.places[history.coords[1]]
        known = places >= 0
        ones = np.ones(int(known.sum()), np.float32)
        inner = sp.csr_array((ones, (rows[known], places[known])), shape=(len(queries), len(self.model.items)))
        users = np.where(queries.user >= 0, self.people[queries.user], -1).astype(np.int32)
        theirs = self.model.score(Queries(inner, users))
        wanted = self.places if items is None else self.places[items]
        return np.where(wanted >= 0, theirs[:, wanted], np.float32(np.nan))


def _mask(n: int, rows: Any) -> Mask:
    mask = np.zeros(n, bool)
    mask[rows] = True
    return mask
