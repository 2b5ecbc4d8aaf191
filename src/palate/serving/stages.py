"""The stages of a recommendation, for many people at once: score, filter, rank, explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from sys import getrefcount
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp

from palate.core.types import Codes, Floats, Mask
from palate.data.catalogue import Catalogue
from palate.explain import Reason, SharedWords, popular
from palate.interfaces import Queries
from palate.linalg.topk import top_k
from palate.models import Model
from palate.serving.newcomers import why
from palate.serving.options import Options
from palate.serving.people import Person

_FEW = 16
"""A filter that lets fewer than one in so many pass has these alone scored."""


@dataclass(frozen=True, eq=False)
class Ask:
    """Who asks, which items may come, and what else they want.

    Shapes:
        hidden: int32[n], codes of items that may not come; only: bool[n_items], those that may; None lets all.
    """

    person: Person
    hidden: Codes
    options: Options
    model: Model[Any]
    """What scores for them."""
    only: Mask | None = None


@dataclass(frozen=True, eq=False)
class Draft:
    """An answer in the making, best first.

    Shapes:
        items: int32[n], codes; scores: float32[n]; reasons: one list per item once explained.
    """

    items: Codes
    scores: Floats
    reasons: tuple[list[Reason], ...] = ()


class Score(Protocol):
    """What scores."""

    def __call__(self, asks: Sequence[Ask]) -> Floats:
        """Return the scores of all items for each who asks; float32[q, n_items], NaN cannot be recommended."""
        ...


def queries(people: Sequence[Person], n_items: int) -> Queries:
    """Return people as a model is asked about them, all in one call."""
    liked = [person.liked for person in people]
    ends = np.cumsum([0, *map(len, liked)])
    ones = np.ones(int(ends[-1]), np.float32)
    history = sp.csr_array((ones, np.concatenate(liked), ends), shape=(len(people), n_items))
    return Queries(history, np.array([person.code for person in people], np.int32))


def by_model(asks: Sequence[Ask]) -> Floats:
    """Score by the model of the asks, which have the same."""
    model, n = asks[0].model, len(asks[0].model.items)
    asked = queries([ask.person for ask in asks], n)
    only = asks[0].only
    if len(asks) == 1 and only is not None and np.count_nonzero(only) * _FEW < n:
        scores = np.full((1, n), np.nan, np.float32)
        scores[:, only] = model.score(asked, np.flatnonzero(only).astype(np.int32))
        return scores
    return model.score(asked)


@dataclass(frozen=True, eq=False)
class ByPopularity:
    """Score by how many people liked an item; nothing for items that nobody met.

    Shapes:
        counts: float32[n_items].
    """

    counts: Floats

    def __call__(self, asks: Sequence[Ask]) -> Floats:
        """Return the same for all."""
        return np.broadcast_to(self.counts, (len(asks), len(self.counts)))


def hide(scores: Floats, asks: Sequence[Ask]) -> Floats:
    """Filter: what was met before, or may not come, cannot be recommended.

    Scores that nobody else holds are changed where they lie, since fresh memory for as many costs more than all the rest of this;
    others are copied, for the model may have kept them.
    """
    alone = scores.flags.owndata and scores.flags.writeable and getrefcount(scores) <= _ALONE
    left = scores if alone else np.array(scores, np.float32)
    for row, ask in zip(left, asks, strict=True):
        row[ask.hidden] = np.nan
        if ask.only is not None:
            np.copyto(row, np.nan, where=~ask.only)
    return left


def _references(scores: Floats, asks: Sequence[Ask]) -> int:
    return getrefcount(scores)


_ALONE = _references(np.zeros(0, np.float32), ())
"""How many references Python counts in such a function to what its caller made and does not hold."""


def best(scores: Floats, widths: Sequence[int]) -> list[Draft]:
    """Rank: the best items of each row, as many as its width, ties by the lower code."""
    ranked = top_k(scores, max(widths))
    lengths = [min(width, int(np.count_nonzero(row >= 0))) for width, row in zip(widths, ranked.items, strict=True)]
    rows = zip(ranked.items, ranked.scores, lengths, strict=True)
    return [Draft(items[:length], values[:length]) for items, values, length in rows]


@dataclass(frozen=True, eq=False)
class ExplainByModel:
    """Explain: past likes and parts."""

    catalogue: Catalogue
    most: int
    shared: SharedWords

    def __call__(self, ask: Ask, draft: Draft) -> Draft:
        """Return the draft with reasons."""
        query = queries([ask.person], len(ask.model.items))
        said = [why(ask.model, query, int(item), self.catalogue, self.most, self.shared) for item in draft.items]
        return replace(draft, reasons=tuple(said))


def explain_by_popularity(ask: Ask, draft: Draft) -> Draft:
    """Explain: how many people liked it."""
    return replace(draft, reasons=tuple([popular(int(count))] for count in draft.scores))
