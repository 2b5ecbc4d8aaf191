"""One run: a model on a ground with a seed, fitted, judged and written down."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from deep_code import code_of
from deep_settings import SECONDS, SHUFFLED, settings_of
from grounds import Ground

from palate.core.errors import PalateError
from palate.core.files import read_json, write_json
from palate.core.fingerprint import fingerprint
from palate.core.rng import generator
from palate.data.dataset import Dataset
from palate.data.split import split
from palate.data.split._base import Split
from palate.evaluation import evaluate
from palate.interfaces import Run
from palate.models import Model, registry
from palate.training.checkpoint import clear

THREADS = 1
_VALID, _TEST = ("recall", "ndcg"), ("recall", "ndcg", "coverage")
_LIBRARIES = ("numpy", "scipy", "torch")


@dataclass(frozen=True)
class Job:
    """What to run; `variation` is "" for the model as it is."""

    ground: str
    model: str
    variation: str
    seed: int

    @property
    def label(self) -> str:
        """What the run's row is called."""
        return f"{self.model}, {self.variation}" if self.variation else self.model

    def file(self, results: Path) -> Path:
        """Return where its figures are kept."""
        return results / slug(self.ground) / f"{slug(self.label)}.{self.seed}.json"

    def build(self, seconds: float = SECONDS) -> Model[Any]:
        """Return the model, not yet fitted; a network is given so many seconds."""
        kind = registry.get(self.model)
        bounded = {"seconds": seconds} if "seconds" in kind.config_type.model_fields else {}
        return kind(**{**bounded, **settings_of(self.model, self.ground, self.variation)})

    def made_of(self, data: str, seconds: float) -> dict[str, str]:
        """Return fingerprints of everything that its figures come from; `data` is that of the split."""
        model = self.build(seconds)
        settings = json.dumps(model.spec(), sort_keys=True, default=str)
        return {
            "data": data,
            "code": code_of(model, [Path(__file__)]),
            "settings": fingerprint(settings, self.variation == SHUFFLED, self.seed, THREADS),
        }


class Place:
    """A ground with its data, read when they are asked for."""

    def __init__(self, ground: Ground, real: Path, out: Path) -> None:
        self.ground, self.real, self.out = ground, real, out

    @cached_property
    def cut(self) -> Split:
        """The data, split."""
        return split(self.ground.data(self.real, self.out), self.ground.how, 0)

    @cached_property
    def fingerprint(self) -> str:
        """Of the split; of parts what they were made of counts, since an encoder's last digits depend on the machine."""
        cut, train = self.cut, self.cut.train
        parts = {name: (table.source, table.present) for name, table in train.features.items()}
        rows = [part.interactions.fingerprint for part in (train, cut.valid, cut.test)]
        return fingerprint(
            cut.how, cut.seed, train.users.fingerprint, train.items.fingerprint, rows, parts, train.positive
        )


def slug(words: str) -> str:
    """Return words as a file is named.

    Example:
        >>> slug("movielens-posters, cold-items")
        'movielens-posters-cold-items'
    """
    return words.replace(", ", "-").replace(" ", "-")


def is_done(job: Job, place: Place, results: Path, seconds: float) -> bool:
    """Tell whether the figures are there, made of the same data, code and settings."""
    file = job.file(results)
    return file.is_file() and read_json(file)["made_of"] == job.made_of(place.fingerprint, seconds)


def run(job: Job, place: Place, results: Path, seconds: float) -> None:
    """Fit, judge and write down; what the model refuses is written down with the reason.

    A run that was killed goes on from its last checkpoint, unless something that decides its figures has changed.
    """
    made_of = job.made_of(place.fingerprint, seconds)
    checkpoint = place.out / "running" / fingerprint(made_of, job.label)
    try:
        found = figures(job, place.cut, seconds, checkpoint)
    except (PalateError, MemoryError) as error:
        found = {"error": " ".join(str(error).split()) or "not enough memory"}
    about = {"ground": job.ground, "model": job.model, "variation": job.variation, "seed": job.seed, "threads": THREADS}
    versions = {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}
    settings = settings_of(job.model, job.ground, job.variation)
    write_json(job.file(results), {**about, "settings": settings, **found, "made_of": made_of, "versions": versions})
    clear(checkpoint)


def figures(job: Job, cut: Split, seconds: float, checkpoint: Path | None = None) -> dict[str, Any]:
    """Return what the model reached on validation and test, how its training went, and what it took."""
    if job.variation == SHUFFLED:
        cut = Split(*(shuffled(part, 0) for part in (cut.train, cut.valid, cut.test)), cut.how, cut.seed)
    start = time.perf_counter()
    model = job.build(seconds).fit(cut.train, cut.valid, Run(seed=job.seed, threads=THREADS, checkpoint=checkpoint))
    fit = time.perf_counter() - start
    valid = evaluate(model, cut, 20, _VALID, on="valid", resamples=1)
    test = evaluate(model, cut, (10, 20), _TEST, resamples=1)
    wanted = ("recall@10", "recall@20", "ndcg@10", "ndcg@20")
    return {
        "valid": dict(valid.metrics),
        "test": {name: test.metrics[name] for name in wanted},
        "items@20": round(test.metrics["coverage@20"] * len(cut.train.items)),
        "items": len(cut.train.items),
        "users": test.users,
        "unscored": test.unscored,
        "seconds": {"fit": round(fit, 2), "evaluate": round(test.seconds["evaluate"], 3)},
        **_training(model),
    }


def _training(model: Model[Any]) -> dict[str, Any]:
    """Return how many epochs a network was trained, which was the best, and what ended it."""
    history: Any = getattr(model, "history", None)
    if history is None:
        return {}
    return {"epochs": history.epochs, "best_epoch": history.best_epoch, "stopped": history.stopped}


def shuffled(data: Dataset, seed: int) -> Dataset:
    """Return the data with the parts of items dealt out anew among the items, all parts of one together.

    Raises:
        PalateError: items have no parts.
    """
    parts = {name: table for name, table in data.features.items() if table.of == "items"}
    if not parts:
        raise PalateError("items have no parts here, so there is nothing to shuffle")
    order = generator(seed, "shuffle").permutation(len(data.items))
    return data.with_features(**{name: table.take(order) for name, table in parts.items()})


def read(results: Path, grounds: Sequence[str]) -> list[dict[str, Any]]:
    """Return the runs that are written down, by ground and file."""
    return [read_json(file) for ground in grounds for file in sorted((results / slug(ground)).glob("*.json"))]


def best(runs: Sequence[dict[str, Any]], ground: str, seed: int, count: int) -> list[str]:
    """Return the networks that validation finds best on a ground, by the runs of one seed."""
    rivals = [
        run for run in runs
        if run["ground"] == ground and run["seed"] == seed and not run["variation"] and "epochs" in run
    ]  # fmt: skip
    rivals.sort(key=lambda run: -np.nan_to_num(run["valid"]["ndcg@20"], nan=-1.0))
    return [run["model"] for run in rivals[:count]]
