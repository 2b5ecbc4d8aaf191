"""What each model may be tuned over: the settings that matter, over the range that the literature uses.

Every model gets the same number of trials, drawn from the product of the lists below without putting back. Defaults are
no trial: some were chosen by trials on these data, which the models of other libraries did not have. For the same reason
the lists are wide and round, not centred on what won before, and a model and its rival have the same ones.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

Fields = dict[str, Any]
"""Fields of a recipe: model, settings, fuse, late."""

_SHRINK = [0, 10, 30, 100, 300, 1000]
_POWER = [0, 0.25, 0.5]
_WIDTH = [32, 64, 128]
_ALS = {"reg": [0.1, 1, 10, 30, 100, 300], "alpha": [1, 5, 10, 20, 40], "epochs": [10, 20]}
_BPR = {"lr": [0.01, 0.03, 0.1], "reg": [0.001, 0.01, 0.03, 0.1], "epochs": [30, 100, 300]}

SPACES: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "popularity": {},
    "item-knn": {"shrink": _SHRINK, "user_power": _POWER, "neighbours": [0, 50, 200]},
    "user-knn": {"shrink": _SHRINK, "item_power": _POWER, "neighbours": [50, 100, 200, 500, 1000]},
    "ease": {"reg": [1, 3, 10, 30, 100, 300, 1000, 3000]},
    "cease": {"reg": [1, 3, 10, 30, 100, 300, 1000, 3000], "content": [0.03, 0.1, 0.3, 1, 3]},
    "slim": {"l1": [0.1, 0.5, 1, 2, 5], "reg": [1, 3, 10, 30, 100, 300]},
    "vector-space": {"fuse": ["concat", "weighted", "mean"]},
    "content-knn": {"neighbours": [5, 10, 20, 50, 100], "fuse": ["concat", "weighted", "mean"]},
    "als": {"dim": _WIDTH, **_ALS},
    "bpr": {"dim": _WIDTH, **_BPR},
    "logistic": {"reg": [0.1, 1, 10, 100], "negatives": [1, 4, 10], "dim": [32, 64, 128], "fuse": ["concat", "weighted"]},
    "mlp-ctr": {
        "layers": [(32,), (64, 32)], "epochs": [5, 10, 20], "lr": [1e-3, 3e-3], "reg": [1e-4, 1e-2, 1e-1],
        "negatives": [4, 10],
    },
    "als (implicit)": {
        "factors": _WIDTH, "regularization": _ALS["reg"], "alpha": _ALS["alpha"], "iterations": _ALS["epochs"],
    },
    "bpr (implicit)": {
        "factors": _WIDTH, "learning_rate": _BPR["lr"], "regularization": _BPR["reg"], "iterations": _BPR["epochs"],
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
_SEED = 0
"""Of the draws; the same for all, so that spaces of one shape give the same ones."""
WORDS = ("fuse", "late", "parts")
"""What is a word of the recipe rather than a setting of the model."""


def draws(model: str, trials: int, tuned: Mapping[str, Fields]) -> list[Fields]:
    """Return what to try.

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
    else:
        space = SPACES[model]
        every = [_fields(model, dict(zip(space, values, strict=True))) for values in itertools.product(*space.values())]
    return every if len(every) <= trials else random.Random(_SEED).sample(every, trials)


def _fields(model: str, choice: Mapping[str, Any]) -> Fields:
    words = {name: value for name, value in choice.items() if name in WORDS}
    return {"model": model, "settings": {name: value for name, value in choice.items() if name not in WORDS}, **words}
