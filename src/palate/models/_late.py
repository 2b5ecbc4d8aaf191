"""Several recommenders as one, by a late fusion of their scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.state import State
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.fusion.late import LateFusion
from palate.fusion.late.weighted_scores import WeightedScores
from palate.interfaces import Explains, Explanation, Queries, Run
from palate.models._base import Model


class LateConfig(Config):
    """The members and the fusion carry the settings."""


class LateFused(Model[LateConfig]):
    """Score items by what several recommenders say together.

    Missing data:
        NaN where no member can score.
    """

    name = "late-fused"
    config_type = LateConfig
    requires = frozenset()

    def __init__(self, members: Mapping[str, Model[Any]], combine: LateFusion[Any] | None = None) -> None:
        super().__init__()
        if not members:
            raise DataError("a late fusion needs at least one member, and none was given")
        self.members = {name: members[name] for name in sorted(members)}
        self.combine = combine if combine is not None else WeightedScores()

    def remember(self, users: IdMap, items: IdMap, liked: CSR, seen: CSR) -> None:
        """Take over whom the model knows, for the members too."""
        super().remember(users, items, liked, seen)
        for member in self.members.values():
            member.remember(users, items, liked, seen)

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        for member in self.members.values():
            member.fit(train, valid, run)

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return the fused scores; float32[q, n]. Members score every item, since fusions compare over all of them."""
        scores = self.combine.combine(self._scores(queries))
        return scores if items is None else scores[:, items]

    def _scores(self, queries: Queries) -> dict[str, Floats]:
        return {name: member.score(queries) for name, member in self.members.items()}

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked and over the members' parts.

        A member's own amounts are scaled as the fusion scales its score. What is left, its distance from the mean
        or all of a member that does not explain, is spread evenly over what was liked, and over its parts.
        """
        scores = self._scores(query)
        score = float(self.combine.combine(scores)[0, item])
        if np.isnan(score):
            return Explanation(score)
        liked: dict[int, float] = dict.fromkeys(query.history.indices.tolist(), 0.0)
        parts: dict[str, float] = {}
        for name, term in self.combine.terms(scores).items():
            raw, slope, offset = (float(values[0, item]) for values in (scores[name], term.slope, term.offset))
            if np.isnan(raw):
                continue
            member = self.members[name]
            inner = member.explain(query, item) if isinstance(member, Explains) else Explanation(raw)
            _add(liked, inner.history, slope, slope * raw + offset)
            _add(parts, inner.parts or {name: raw}, slope, slope * raw + offset)
        return Explanation(score, liked, parts)

    def spec(self) -> dict[str, Any]:
        """Return the name, and what members and fusion are built from."""
        members = {name: member.spec() for name, member in self.members.items()}
        return {**super().spec(), "members": members, "late": self.combine.spec()}

    def state(self) -> State:
        """What each member learned."""
        state = State()
        for name, member in self.members.items():
            state = state.joined(name, member.state())
        return state

    def load_state(self, state: State) -> Self:
        """Hand each member what it learned."""
        for name, member in self.members.items():
            member.load_state(state.nested(name))
        return self


def _add(total: dict[Any, float], amounts: Mapping[Any, float], slope: float, whole: float) -> None:
    """Add slope * amounts to `total`, and spread what they lack of `whole` evenly."""
    places = list(amounts) or list(total)
    rest = whole - slope * sum(amounts.values())
    for place in places:
        total[place] = total.get(place, 0.0) + slope * amounts.get(place, 0.0) + rest / len(places)
