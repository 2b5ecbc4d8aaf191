"""What the late fusions that weigh their members share, and how validation chooses the weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.types import CSR, Floats, Mask
from palate.fusion._search import best_weights
from palate.fusion.late._base import LateFusion, Term, named_alike
from palate.linalg.topk import top_k
from palate.metrics import ndcg

_K = 20


class WeightedConfig(Config):
    """How much each member counts."""

    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None
    """Member name -> weight; only ratios matter, 0 leaves a member out. None weighs all alike."""


class WeightedLate(LateFusion[WeightedConfig]):
    """Base of the fusions whose result is a weighted sum, or mean, of one amount a member: `amount` is what a new one writes.

    Raises:
        DataError: the weights do not name exactly the members, or all are 0.
    """

    config_type = WeightedConfig
    averaged: ClassVar[bool]
    """Whether the result is divided by the weights of the members that can score the item."""

    @abstractmethod
    def amount(self, scores: Floats, there: Mask) -> Term:
        """Return the amount of one member before it is weighed.

        Shapes:
            scores: float32[q, n]; there: bool[q, n], where it can score -> slope and offset, float32 that broadcasts to [q, n].
        """

    def terms(self, scores: Mapping[str, Floats]) -> dict[str, Term]:
        """Return each member's amount times its weight, over the weights of those that can score where it is a mean."""
        weights = self.weights_of(scores)
        there = {name: ~np.isnan(values) for name, values in scores.items() if weights[name] > 0}
        share = self._share(there, weights)
        terms = {}
        for name, mask in there.items():
            own, factor = self.amount(scores[name], mask), share * np.float32(weights[name])
            slope, offset = (np.broadcast_to(values * factor, mask.shape) for values in (own.slope, own.offset))
            terms[name] = Term(slope, offset)
        return terms

    @property
    def undecided(self) -> bool:
        """Whether no weights were given."""
        return self.config.weights is None

    def check(self, members: Collection[str]) -> None:
        """Make sure that the weights, where some were given, fit the members.

        Raises:
            DataError: they do not name exactly the members, or all are 0.
        """
        self.weights_of(members)

    def learned(self, scores: Mapping[str, Floats], hidden: CSR, relevant: CSR, rng: np.random.Generator) -> Self:
        """Return this fusion with the weights that give the best NDCG@20 on validation; nothing is drawn.

        Coordinate search from equal weights, see `best_weights`.

        Shapes:
            scores: float32[q, n] by member; hidden: sparse[q, n], not to be listed; relevant: sparse[q, n], to be found.
        """
        names = sorted(scores)
        there = {name: ~np.isnan(scores[name]) for name in names}
        amounts = {name: self._amounts(scores[name], there[name]) for name in names}
        masked = hidden.tocoo().coords

        def worth(weights: Mapping[str, float]) -> float:
            used = {name: there[name] for name in names if weights[name] > 0}
            total = sum(amounts[name] * np.float32(weights[name]) for name in used) * self._share(used, weights)
            total[~np.any(list(used.values()), axis=0)] = np.nan
            total[masked] = np.nan
            return float(np.nanmean(ndcg(top_k(total, _K).items, relevant, _K)))

        weights = best_weights(names, worth)
        return type(self)(self.config.model_copy(update={"weights": weights}))

    def weights_of(self, members: Collection[str]) -> Mapping[str, float]:
        """Return the weight of each member.

        Raises:
            DataError: the weights do not name exactly the members, or all are 0.
        """
        given = self.config.weights
        if given is None:
            return dict.fromkeys(members, 1.0)
        named_alike(given, members)
        if not any(given.values()):
            raise DataError("all weights are 0: give at least one member a weight above 0")
        return given

    def _amounts(self, scores: Floats, there: Mask) -> Floats:
        own = self.amount(scores, there)
        return np.where(there, own.slope * scores + own.offset, np.float32(0))

    def _share(self, there: Mapping[str, Mask], weights: Mapping[str, float]) -> Floats:
        """Return what each weight is multiplied with: one over the weights of those that can score, or one."""
        if not self.averaged:
            return np.ones((1, 1), np.float32)
        whole = np.asarray(sum(np.float32(weights[name]) * mask for name, mask in there.items()))
        share: Floats = np.divide(1, whole, out=np.zeros_like(whole), where=whole > 0)
        return share
