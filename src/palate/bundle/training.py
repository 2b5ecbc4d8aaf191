"""From data and a recipe to a fitted model."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from palate.bundle.bundle import Bundle
from palate.bundle.completion import Estimates
from palate.bundle.readying import readied
from palate.bundle.recipe import Recipe
from palate.core.errors import BundleError
from palate.core.types import CSR
from palate.data.dataset import Dataset
from palate.data.folder import load
from palate.data.split._base import Split
from palate.evaluation import Evaluation, evaluate
from palate.interfaces import Run, Settles
from palate.models import Model
from palate.standardise import Standardiser

_DEVICE = "PALATE_DEVICE"


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model, the split it was fitted on, and how it does on validation."""

    model: Model[Any]
    split: Split
    validation: Evaluation | None
    """Of the model fitted on train alone; nothing where validation holds nothing to judge by."""
    seconds: float
    """Spent on fitting."""
    data: Dataset
    recipe: Recipe
    estimates: Estimates
    """The parts that items lack, estimated by a completer that was fitted on what the model was fitted on; none without one."""
    standardiser: Standardiser[Any] | None = None
    """What brought the parts to a common scale after that, fitted on the same; none where the recipe names none."""
    supposed: CSR | None = None
    """The pseudo-labels that the model learned from, sparse[users, items]; None where the recipe asks for none."""

    @property
    def pseudo_labels(self) -> dict[str, int] | None:
        """How many likes, of how many users, are pseudo-labels; None where the recipe asks for none."""
        if self.supposed is None:
            return None
        return {"users": len(np.unique(self.supposed.nonzero()[0])), "likes": int(self.supposed.nnz)}

    def bundle(self) -> Bundle:
        """Return what can be saved."""
        metrics = {} if self.validation is None else {"valid": self.validation.to_json()}
        metrics["seconds"] = {"fit": self.seconds}
        return Bundle.of(
            self.model, self.data, self.split, self.recipe, metrics, self.estimates.completer, self.standardiser
        )


def train(data: Dataset, recipe: Recipe, k: int = 20, run: Run | None = None) -> Trained:
    """Split the data, fit the model on train, judge it on validation; under refit, fit again on both.

    The test part is cut off and not opened. A catalogue without interactions has nothing to split or to judge by;
    a model by content is fitted on it as it is.

    Args:
        data: the whole dataset.
        recipe: what to make.
        k: the length of the lists that validation judges.
        run: cores, checkpoints, trackers; the seed is the recipe's.

    Raises:
        RequestError: a name or a setting is wrong, or the data lack what the model requires.
    """
    recipe.check()
    run = replace(run or Run(), seed=recipe.seed)
    data = recipe.prepared(data)
    parts = data.part_names()
    model = recipe.build(parts)
    cut = recipe.split(data) if len(data.interactions) else Split(data, data, data, recipe.how, recipe.seed)
    started = time.perf_counter()
    with device_of(run):
        ready = readied(recipe, cut.train)
        taught = recipe.labelled(ready.fill(cut.train))
        model.fit(taught, ready.fill(cut.valid), run)
    seconds = time.perf_counter() - started
    validation = _judged(model, cut, k)
    if recipe.protocol == "refit":
        started = time.perf_counter()
        again = model.settled() if isinstance(model, Settles) else recipe.build(parts)
        whole = cut.refit().train
        with device_of(run):
            ready = readied(recipe, whole)
            taught = recipe.labelled(ready.fill(whole))
            model = again.fit(taught, None, run)
        seconds = time.perf_counter() - started
    supposed = taught.supposed
    return Trained(model, cut, validation, seconds, data, recipe, ready.estimates, ready.standardiser, supposed)


def refit(bundle: Bundle, folder: Path | str | None = None, run: Run | None = None) -> Bundle:
    """Fit a bundle's recipe again on everything that its dataset holds by now, for serving.

    Nothing is held back, so the new bundle cannot be evaluated; it keeps the figures of the one it was made from.

    Args:
        bundle: how to make it.
        folder: where the dataset is; the place it was trained from, where none is given.
        run: cores, checkpoints, trackers; the seed is the recipe's.

    Raises:
        BundleError: the dataset is gone.
        RequestError: the data lack what the model requires.
    """
    return fit_again(bundle, whole(bundle, folder), run)


def whole(bundle: Bundle, folder: Path | str | None = None) -> Dataset:
    """Load the dataset of a bundle as it is by now, under the bundle's rule for likes.

    Raises:
        BundleError: it is gone.
    """
    place = bundle.data.root if folder is None else folder
    if place is None:
        raise BundleError("the dataset folder of this bundle is not there: give its place")
    return bundle.recipe.prepared(load(place))


def fit_again(bundle: Bundle, data: Dataset, run: Run | None = None) -> Bundle:
    """Fit a bundle's recipe on all of a dataset."""
    parts = data.part_names()
    started = time.perf_counter()
    again = bundle.model.settled() if isinstance(bundle.model, Settles) else bundle.recipe.build(parts)
    run = replace(run or Run(), seed=bundle.recipe.seed)
    with device_of(run):
        ready = readied(bundle.recipe, data)
        model = again.fit(bundle.recipe.labelled(ready.fill(data)), None, run)
    metrics = {**bundle.manifest.metrics, "seconds": {"fit": time.perf_counter() - started}}
    return Bundle.of(model, data, None, bundle.recipe, metrics, ready.estimates.completer, ready.standardiser)


@contextmanager
def device_of(run: Run) -> Iterator[None]:
    """Have what is fitted before its model (completers, aligners, fusions) learn where the run says, while the block runs.

    They are told of no run, and go by PALATE_DEVICE, which says the same for so long.
    """
    before = os.environ.get(_DEVICE)
    if run.device is not None:
        os.environ[_DEVICE] = run.device
    try:
        yield
    finally:
        if before is not None:
            os.environ[_DEVICE] = before
        elif run.device is not None:
            os.environ.pop(_DEVICE, None)


def _judged(model: Model[Any], cut: Split, k: int) -> Evaluation | None:
    new = cut.valid.liked.nnz - cut.valid.liked.multiply(cut.train.seen).nnz
    return evaluate(model, cut, k, on="valid") if new else None
