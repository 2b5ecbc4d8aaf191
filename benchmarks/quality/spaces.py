"""What each model may be tuned over: the settings that matter, over the range that the literature uses.

Every model gets the same number of trials. The first is its defaults; the others are drawn from the product of the lists
below without putting back.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

Fields = dict[str, Any]
"""Fields of a recipe: model, settings, fuse, late."""

SPACES: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "popularity": {},
    "item-knn": {"shrink": [0, 10, 30, 100, 300, 1000], "user_power": [0, 0.25, 0.5], "neighbours": [0, 50, 200]},
    "user-knn": {
        "shrink": [0, 1, 3, 10, 30],
        "item_power": [0, 0.1, 0.25, 0.5],
        "neighbours": [50, 100, 200, 500, 1000],
    },
    "slim": {"l1": [0.1, 0.2, 0.5, 1, 2], "reg": [10, 30, 100, 200, 500]},
    "ease": {"reg": [10, 30, 100, 200, 500, 1000, 2000]},
    "vector-space": {"fuse": ["concat", "weighted", "mean"]},
    "content-knn": {"neighbours": [5, 10, 20, 50, 100], "fuse": ["concat", "weighted", "mean"]},
    "als": {"dim": [32, 64, 128], "reg": [3, 10, 30, 100, 300], "alpha": [1, 5, 10, 20], "epochs": [10, 20]},
    "bpr": {"dim": [32, 64, 128], "lr": [0.02, 0.05, 0.1], "reg": [0.005, 0.01, 0.02, 0.05], "epochs": [30, 60, 120]},
    "logistic": {"reg": [0.1, 1, 10, 100], "negatives": [1, 4, 10], "dim": [32, 64, 128], "fuse": ["concat", "weighted"]},
    "mlp-ctr": {
        "layers": [(32,), (64, 32)], "epochs": [5, 10, 20], "lr": [1e-3, 3e-3], "reg": [1e-4, 1e-2], "negatives": [4, 10],
    },
    "als (implicit)": {
        "factors": [32, 64, 128], "regularization": [0.1, 1, 10, 50], "alpha": [1, 5, 20], "iterations": [15, 30],
    },
    "bpr (implicit)": {
        "factors": [32, 64, 128], "learning_rate": [0.01, 0.03, 0.1], "regularization": [0.001, 0.01, 0.05],
        "iterations": [100, 300],
    },
}  # fmt: skip

TEAMS: Sequence[Sequence[str]] = (
    ("item-knn", "ease"),
    ("item-knn", "content-knn"),
    ("item-knn", "ease", "content-knn"),
    ("user-knn", "ease"),
    ("ease", "als"),
)
"""Members that an ensemble is tried with, each with the settings that it was tuned to."""
LATE = ("weighted-scores", "borda", "reciprocal-rank")
WORDS = ("fuse", "late", "parts")
"""What is a word of the recipe rather than a setting of the model."""


def draws(model: str, trials: int, tuned: Mapping[str, Fields]) -> list[Fields]:
    """Return what to try, the defaults first.

    Args:
        model: its name, or "ensemble".
        trials: at most so many.
        tuned: what was chosen for the members.
    """
    if model == "ensemble":
        teams = [team for team in TEAMS if all(name in tuned for name in team)]
        every = [
            {"model": model, "late": late, "settings": {"members": [tuned[name] for name in team]}}
            for team, late in itertools.product(teams, LATE)
        ]
        return every[:1] + _some(every[1:], trials - 1, model)
    space = SPACES[model]
    every = [_fields(model, dict(zip(space, values, strict=True))) for values in itertools.product(*space.values())]
    return [{"model": model, "settings": {}}, *_some([each for each in every if len(each) > 1], trials - 1, model)]


def _fields(model: str, choice: Mapping[str, Any]) -> Fields:
    words = {name: value for name, value in choice.items() if name in WORDS}
    return {"model": model, "settings": {name: value for name, value in choice.items() if name not in WORDS}, **words}


def _some(every: list[Fields], most: int, seed: str) -> list[Fields]:
    return every if len(every) <= most else random.Random(seed).sample(every, most)
