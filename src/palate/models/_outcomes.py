"""What comes of pairs, a task beside the ranking: examples that are drawn anew each epoch and dealt out to its batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset
from palate.models._examples import Examples, Index, Levels, Met, Target, examples, left_out


class OutcomesConfig(Config):
    """From which pairs outcomes are learned."""

    target: Target = "click"
    """What `predict` foretells. click: how likely a like is; rating: what the weight will be."""
    negatives: PositiveInt = 4
    """How many items each like is held against, where the sampler draws them; clicks without dislikes too."""
    shrink: PositiveFloat = 5.0
    """So many average ratings are added to each item's and user's own before their level is taken."""
    max_pairs: int = Field(200_000, ge=100)
    """Learn outcomes from a random sample of so many pairs an epoch where there are more."""


@dataclass(frozen=True, eq=False)
class Dealt:
    """Examples of one batch.

    Shapes:
        user, item, without: int64[n], without the like that is left out of the history; truth: float32[n];
        levels: float32[n, 2], of item and user, without what the example adds to them.
    """

    user: Index
    item: Index
    without: Index
    truth: Floats
    levels: Floats


class Outcomes:
    """Clicks or ratings of the pairs that were met; without dislikes, likes beside items drawn for each.

    Args:
        train: what is learned from.
        target: click or rating.
        placed: bool[n_items], items that can be scored.
        config: which pairs, and how many.
    Raises:
        DataError: all weights are the same, so that there are no ratings.
    """

    def __init__(self, train: Dataset, target: Target, placed: Mask, config: OutcomesConfig) -> None:
        self.train, self.target, self.placed, self.most = train, target, placed, config.max_pairs
        self.met = Met.of(train, target)
        self.levels = Levels.of(self.met, len(train.users), len(train.items), config.shrink)
        self.negatives = config.negatives if target == "click" and self.met.liked.all() else 0
        self.bounds = (0.0, 1.0)
        if target == "rating":
            self.bounds = (float(self.met.value.min()), float(self.met.value.max()))
            if self.bounds[0] == self.bounds[1]:
                raise DataError(
                    f"ratings cannot be learned: every weight in the training data is {self.bounds[0]:g}; set target=click "
                    "and name no rating in tasks, or bring ratings as weights"
                )
        self.parts: list[Dealt] = []

    @property
    def usual(self) -> float:
        """What is said of a pair of which nothing is known: the mean rating, or the log-odds of a like."""
        if self.target == "rating":
            return self.levels.mean
        share = 1 / (1 + self.negatives) if self.negatives else self.levels.mean
        return math.log(share / (1 - share))

    @property
    def slope(self) -> float:
        """What one of a level is worth at first: one of a rating; of log-odds, what it is worth around the mean."""
        if self.target == "rating":
            return 1.0
        return 0.0 if self.negatives else 1 / (self.levels.mean * (1 - self.levels.mean))

    def deal(self, batches: int, rng: np.random.Generator) -> None:
        """Draw the examples of an epoch of so many batches."""
        some = examples(self.train, self.met, self.placed, self.target, self.negatives, self.most, rng)
        some = some.take(rng.permutation(len(some.user)))
        levels = np.stack(left_out(self.levels, self.met, some), axis=1).astype(np.float32)
        size = max(1, math.ceil(len(some.user) / batches))
        starts = range(0, len(some.user), size)
        self.parts = [_part(some, levels, slice(start, start + size)) for start in starts][::-1]

    def next(self) -> Dealt | None:
        """Return those of the next batch; None where nothing is left."""
        return self.parts.pop() if self.parts else None


def _part(some: Examples, levels: Floats, rows: slice) -> Dealt:
    return Dealt(
        some.user[rows], some.item[rows], some.without[rows], some.truth[rows].astype(np.float32), levels[rows]
    )
