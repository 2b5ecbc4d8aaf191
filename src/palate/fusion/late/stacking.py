"""A small model over the members' scores, which validation teaches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, FiniteFloat, PositiveInt

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.types import CSR, Floats
from palate.fusion.late._base import LateFusion, Term, named_alike
from palate.fusion.late._logistic import Sample, fitted
from palate.fusion.late._standard import standard


class StackingConfig(Config):
    """How it is learned, and what was learned."""

    reg: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Ridge on all weights but the bias: the more, the nearer to 0 they are."""
    negatives: PositiveInt = 20
    """How many other items, drawn at random, each like of validation is told apart from."""
    weights: dict[str, FiniteFloat] | None = None
    """Member name -> by how much its standardised score changes the log-odds of a like; one below 0 speaks against an item. None
    learns them on validation, and weighs all alike where there is none."""
    absent: dict[str, FiniteFloat] = Field(default_factory=dict)
    """Member name -> by how much the log-odds change where it cannot score; 0 unless named."""
    bias: FiniteFloat = 0.0
    """The log-odds where every member says what it says on average."""


class Stacking(LateFusion[StackingConfig]):
    """Learn on validation how likely a like is, given what the members say (logistic regression).

    log-odds = bias + sum over the members that can score the item of w_m z_m + sum over the others of a_m, with z_m as in
    `weighted-scores` (stacked generalization, Wolpert 1992; Newton's steps with a ridge, le Cessie and van Houwelingen 1992).
    Each like is held against random items that the person had not met; since it is known what share of them was drawn, the
    odds are those among all that the person had not met (offset log of the share, King and Zeng 2001). `probability` is calibrated
    for likes such as those of validation. The score leaves the bias out, which is no member's and the same for all: above 0 it
    speaks for an item more than the members do on average. Unlike the other fusions it may let a member speak against an item.

    Missing data:
        What is known by a member's silence is learned too. NaN where no member can score.
    Raises:
        DataError: the weights do not name exactly the members.
    """

    name = "stacking"
    config_type = StackingConfig
    paper: ClassVar[str] = "Wolpert 1992"
    cost: ClassVar[str] = "q n m, and m² for each like and each of its negatives a step"

    def terms(self, scores: Mapping[str, Floats]) -> dict[str, Term]:
        """Return each member's part of the log-odds; what silence tells is spread evenly over those that can score."""
        self.check(scores)
        weights = self.config.weights or dict.fromkeys(scores, 1.0)
        there = {name: ~np.isnan(values) for name, values in scores.items()}
        speaking = np.sum(list(there.values()), axis=0)
        silent = sum(self.config.absent.get(name, 0.0) * ~mask for name, mask in there.items())
        shared = (silent / np.maximum(speaking, 1)).astype(np.float32)
        terms = {}
        for name, mask in there.items():
            own, weight = standard(scores[name], mask), np.float32(weights[name])
            terms[name] = Term(np.broadcast_to(own.slope * weight, mask.shape), own.offset * weight + shared)
        return terms

    def probability(self, scores: Mapping[str, Floats]) -> Floats:
        """Return how likely a like is; float32[q, n], NaN where no member can score."""
        odds = np.float32(self.config.bias) + self.combine(scores)
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float32)

    @property
    def undecided(self) -> bool:
        """Whether there are no weights yet."""
        return self.config.weights is None

    def learned(self, scores: Mapping[str, Floats], hidden: CSR, relevant: CSR, rng: np.random.Generator) -> Self:
        """Return this fusion with what validation teaches; as it is where no member can score a like."""
        names = sorted(scores)
        sample = Sample.of({name: scores[name] for name in names}, hidden, relevant, self.config.negatives, rng)
        if not sample.liked.any():
            return self
        bias, *found = fitted(sample, self.config.reg).tolist()
        told = {
            "weights": dict(zip(names, found[: len(names)], strict=True)),
            "absent": dict(zip(names, found[len(names) :], strict=True)),
            "bias": bias,
        }
        return type(self)(self.config.model_copy(update=told))

    def check(self, members: Collection[str]) -> None:
        """Make sure that the weights fit the members.

        Raises:
            DataError: they do not name exactly the members, or something else is named as absent.
        """
        if self.config.weights is not None:
            named_alike(self.config.weights, members)
        if other := sorted(set(self.config.absent) - set(members)):
            raise DataError(f"'absent' names {', '.join(other)} and the members are {', '.join(sorted(members))}")
