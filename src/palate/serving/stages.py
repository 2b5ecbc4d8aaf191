"""The stages of a recommendation: candidates, score, filter, rank, explain; each takes a draft and hands on another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from palate.core.types import Codes, Floats
from palate.data.catalogue import Catalogue
from palate.explain import Reason, SharedWords, popular, reasons
from palate.interfaces import Queries
from palate.linalg.topk import top_k
from palate.models import Model
from palate.serving.newcomers import introduced


@dataclass(frozen=True, eq=False)
class Ask:
    """Who asks (one row), what they met before, how many items they want, and which."""

    query: Queries
    seen: Codes
    k: int
    only: Codes | None = None
    """The items that may be recommended; None lets all."""


@dataclass(frozen=True, eq=False)
class Draft:
    """An answer in the making.

    Shapes:
        items: int32[n], codes; scores: float32[n], NaN cannot be recommended; reasons: one list per item once explained.
    """

    items: Codes
    scores: Floats
    reasons: tuple[list[Reason], ...] = ()


class Stage(Protocol):
    """One step from draft to draft."""

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return the next draft."""
        ...


@dataclass(frozen=True, eq=False)
class AllItems:
    """Candidates: the whole catalogue, or what passed the filter."""

    n_items: int

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return every item that may be recommended, unscored."""
        items = np.arange(self.n_items, dtype=np.int32) if ask.only is None else ask.only
        return Draft(items, np.full(len(items), np.nan, np.float32))


@dataclass(frozen=True, eq=False)
class ScoreByModel:
    """Score: what the model says."""

    model: Model[Any]

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return the candidates with their scores."""
        return replace(draft, scores=self.model.score(ask.query, draft.items)[0])


@dataclass(frozen=True, eq=False)
class ScoreByPopularity:
    """Score: by how many people liked an item; nothing for items that nobody met."""

    counts: Floats

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return the candidates with their counts."""
        return replace(draft, scores=self.counts[draft.items])


@dataclass(frozen=True, eq=False)
class HideSeen:
    """Filter: what the user met before does not come again."""

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return the draft with seen items unscored."""
        return replace(draft, scores=np.where(np.isin(draft.items, ask.seen), np.float32(np.nan), draft.scores))


@dataclass(frozen=True, eq=False)
class Best:
    """Rank: the k best, ties by the lower code."""

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return the best of the draft, best first."""
        best = top_k(draft.scores[None, :], ask.k)
        found = best.items[0][best.items[0] >= 0]
        return Draft(draft.items[found], best.scores[0][: len(found)])


@dataclass(frozen=True, eq=False)
class ExplainByModel:
    """Explain: past likes and parts."""

    model: Model[Any]
    catalogue: Catalogue
    most: int
    shared: SharedWords

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return the draft with reasons."""
        ids = self.model.items
        said = [
            [
                *introduced(self.model, int(item), self.catalogue),
                *reasons(self.model, ask.query, int(item), ids, self.catalogue, self.most, self.shared),
            ]
            for item in draft.items
        ]
        return replace(draft, reasons=tuple(said))


@dataclass(frozen=True, eq=False)
class ExplainByPopularity:
    """Explain: how many people liked it."""

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return the draft with reasons."""
        return replace(draft, reasons=tuple([popular(int(count))] for count in draft.scores))
