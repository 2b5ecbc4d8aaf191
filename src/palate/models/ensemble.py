"""Several recommenders as one, by a late fusion of their scores."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from pydantic import PositiveInt

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.core.state import State
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.fusion.late import LateFusion
from palate.fusion.late._base import Learns
from palate.fusion.late.weighted_scores import WeightedScores
from palate.interfaces import Explains, Explanation, Parts, Queries, Rereads, Run, Settles
from palate.models._base import Model


class EnsembleConfig(Config):
    """How the members are weighed; members and fusion carry settings of their own."""

    weights: Literal["validation", "given"] = "validation"
    """validation: chosen there (by NDCG@20, or as the fusion learns), where there is any and the fusion names no weights; given: as
    the fusion says."""
    memory_limit_mb: PositiveInt = 512
    """Bound on the members' validation scores held at a time: where they would take more, fewer users choose."""


class Ensemble(Model[EnsembleConfig]):
    """Score an item by what several recommenders say together.

    Validation chooses how much each member counts and teaches nothing else; a later fit on everything (`settled`) keeps
    the weights that were chosen.

    Missing data:
        NaN where no member can score.
    Raises:
        DataError: there is no member, or one has a '/' in its name; when fitted, the fusion's weights do not name the members.

    Example:
        >>> from palate.models import EASE, Ensemble, ItemKNN
        >>> sorted(Ensemble({"knn": ItemKNN(), "linear": EASE()}).members)
        ['knn', 'linear']
    """

    name = "ensemble"
    config_type = EnsembleConfig
    requires = frozenset()

    combine: LateFusion[Any]
    """The fusion, with the weights that validation chose."""

    def __init__(
        self,
        members: Mapping[str, Model[Any]],
        combine: LateFusion[Any] | None = None,
        config: EnsembleConfig | None = None,
        /,
        **settings: Any,
    ) -> None:
        super().__init__(config, **settings)
        if not members:
            raise DataError("an ensemble needs at least one member, and none was given")
        self.members = {name: members[name] for name in sorted(members)}
        for name in self.members:
            if "/" in name:
                raise DataError(
                    f"a member was called '{name}': give it a name without '/', which parts names in what is saved"
                )
        self._given: LateFusion[Any] = combine if combine is not None else WeightedScores()
        self.combine = self._given

    def remember(self, users: IdMap, items: IdMap, liked: CSR, seen: CSR) -> None:
        """Take over whom the model knows, for the members too."""
        super().remember(users, items, liked, seen)
        for member in self.members.values():
            member.remember(users, items, liked, seen)

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        if isinstance(self._given, Learns):
            self._given.check(self.members)  # refuses wrong names before time goes into fitting
        for member in self.members.values():
            member.fit(train, valid, run)
        self.combine = self._given
        if valid is not None and self.config.weights == "validation":
            self._weigh(train, valid, run)

    def _weigh(self, train: Dataset, valid: Dataset, run: Run) -> None:
        """Let validation choose the weights, unless the fusion has none or was given some."""
        fusion = self._given
        if not isinstance(fusion, Learns) or not fusion.undecided:
            return
        new = sp.csr_array(valid.liked - valid.liked.multiply(train.seen))
        new.eliminate_zeros()
        users = np.flatnonzero(np.diff(new.indptr)).astype(np.int32)
        most = max(1, (self.config.memory_limit_mb << 20) // (8 * len(self.members) * len(train.items)))
        if len(users) > most:
            users = np.sort(generator(run.seed, "ensemble").permutation(users)[:most])
        if len(users):
            scores = self._scores(Queries.of_users(train, users))
            rng = generator(run.seed, "ensemble", "late")
            self.combine = fusion.learned(scores, sp.csr_array(train.seen[users]), sp.csr_array(new[users]), rng)

    def settled(self) -> Self:
        """Return an unfitted ensemble of the same members with the weights that validation chose."""
        members = {
            name: member.settled() if isinstance(member, Settles) else copy.copy(member)
            for name, member in self.members.items()
        }
        config = self.config.model_copy(update={"weights": "given"})
        return type(self)(members, self.combine, config)

    def reading(self, parts: Parts) -> Self:
        """Return the same ensemble whose members read these parts, those that read any; the weights stay.

        Raises:
            DataError: a member reads parts, and cannot be shown others once it is fitted.
        """
        for name, member in self.members.items():
            if "features" in member.requires | member.accepts and not isinstance(member, Rereads):
                raise DataError(f"the member {name} cannot be shown other parts once it is fitted: fit it again")
        other = copy.copy(self)
        other.members = {
            name: member.reading(parts) if isinstance(member, Rereads) else member
            for name, member in self.members.items()
        }
        return other

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return the fused scores; float32[q, n]. Members score every item, since fusions compare over all of them."""
        scores = self.combine.combine(self._scores(queries))
        return scores if items is None else scores[:, items]

    def _scores(self, queries: Queries) -> dict[str, Floats]:
        return {name: member.score(queries) for name, member in self.members.items()}

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked and over the members' parts.

        A member's own amounts are scaled as the fusion scales its score. What is left, its distance from the mean
        or all of a member that does not explain, is spread evenly over what was liked, and over those of its parts that
        say something of the item.
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
            telling = {part: amount for part, amount in inner.parts.items() if amount}
            _add(parts, telling or inner.parts or {name: raw}, slope, slope * raw + offset)
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
