"""What settings of training bring back on the shops of `noise.py`, spoilt in all three ways, and what they cost on clean ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import palate
from palate.core.rng import generator
from palate.core.types import Mask
from palate.data.dataset import Dataset
from palate.interfaces import Run
from palate.models import Model

STATES = ("clean", "spoilt", "cleaned")
_SHARED = {"dim": 32, "lr": 0.01, "batch_size": 512, "epochs": 40, "judge_every": 2, "patience": 5}


@dataclass(frozen=True)
class Way:
    """A model, one setting or none, and whether validation stops it."""

    model: str
    setting: Mapping[str, float] = field(default_factory=dict)
    stops: bool = True

    @property
    def base(self) -> str:
        """What it is held against: the same without the setting."""
        return self.model if self.stops else f"{self.model} to the end"

    def __str__(self) -> str:
        return " ".join([self.base, *(f"{name}={value:g}" for name, value in self.setting.items())])

    def fitted(self, train: Dataset, valid: Dataset, seed: int) -> Model[Any]:
        """Fit it."""
        shared = {**_SHARED, **({} if self.stops else {"patience": 0})}
        model = palate.models.registry.get(self.model)(**shared, **self.setting)
        return model.fit(train, valid if self.stops else None, Run(seed))


def validates(train: Dataset, seed: int) -> Mask:
    """Return which interactions validate: a tenth, as spoilt as the training is; bool[interactions]."""
    return generator(seed, "noise", "validation").random(len(train.interactions)) < 0.1


WAYS = tuple(
    Way(model, setting, stops)
    for model, stops, settings in (
        ("lightgcn", False, ({}, {"truncate": 0.1})),
        ("lightgcn", True, ({}, {"truncate": 0.1})),
        ("freedom", True, ({}, {"agree": 1.0}, {"truncate": 0.1})),
        ("lattice", True, ({}, {"agree": 0.0})),
    )
    for setting in settings
)


def report(
    figures: Sequence[Mapping[str, float]], metric: str, interval: Callable[[Sequence[float]], str]
) -> list[str]:
    """Return the lines of one metric; `figures` has "training, state, way, metric" -> figure of each seed."""
    lines = ["", f"## Training on noise, {metric}", ""]
    lines += ["All three kinds of noise; a setting is held against the same model without it, on the same data.", ""]
    lines += ["| training | clean | spoilt | cleaned | setting, clean | setting, spoilt | setting, cleaned |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for way in WAYS:
        found, base = (
            {state: np.array([each[f"training, {state}, {name}, {metric}"] for each in figures]) for state in STATES}
            for name in (str(way), way.base)
        )
        means = " | ".join(f"{found[state].mean():.4f}" for state in STATES)
        gains = " | ".join(interval((found[state] - base[state]).tolist()) if way.setting else "" for state in STATES)
        lines.append(f"| {way} | {means} | {gains} |")
    return lines
