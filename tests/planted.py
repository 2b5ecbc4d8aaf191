"""How planted signals are looked for: how well a model does with a part, without it, and with its rows mixed up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from palate.data.dataset import Dataset
from palate.data.split import split
from palate.evaluation import evaluate
from palate.interfaces import Recommender

BARE = {"missing": 0.5, "lost": 0.5}
"""Faults of a world that has no files at all: the same people like the same things in it, and it is made at once."""


def recall(model: Recommender, data: Dataset, how: str = "random-per-user") -> float:
    """Return Recall@20 on the test part, fitted on the training part."""
    cut = split(data, how, seed=0)
    return evaluate(model.fit(cut.train), cut, k=20, metrics=("recall",), resamples=10).metrics["recall@20"]


def shuffled(data: Dataset, part: str, seed: int) -> Dataset:
    """Return the dataset with the rows of a part given to other items."""
    order = np.random.default_rng(seed).permutation(len(data.items))
    return data.with_features(**{part: data.features[part].take(order)})


def only(data: Dataset, *parts: str) -> Dataset:
    """Return the dataset with no other parts than these."""
    return data.without_features(*(name for name in data.features if name not in parts))


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean over seeds."""
    values = np.array(differences)
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)
