"""Items that came after the model was fitted, scored by what the model thinks of those that are like them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from palate.core.config import Config
from palate.core.errors import PalateError
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.core.types import CSR, Codes, Floats
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import rows_updated
from palate.explain import Reason, SharedWords, new, reasons, titles
from palate.interfaces import Explains, Explanation, Queries, Run
from palate.linalg.neighbours import unit_rows
from palate.models import Model
from palate.retrieval import ContentSpace

NEIGHBOURS = 20
"""Known items that speak for a newcomer."""
_REFERENCES = 2048
"""Known items that tell which scores such words are worth, at most."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The known items nearest to others by content.

    Shapes:
        codes: int32[m, 20], the nearest first, -1 behind the last; weights: float32[m, 20], their cosines, 0 where there is none.
    """

    codes: Codes
    weights: Floats

    @classmethod
    def none(cls, n: int) -> Self:
        """Return nobody for n items."""
        return cls(np.full((n, NEIGHBOURS), -1, np.int32), np.zeros((n, NEIGHBOURS), np.float32))

    @classmethod
    def of(cls, space: ContentSpace, rows: Codes, known: Codes) -> Self:
        """Find the neighbours of the items `rows` of a space among those that are `known`, themselves left out."""
        nobody = cls.none(len(rows))
        codes, weights = nobody.codes, nobody.weights
        there = np.flatnonzero(space.table.present[rows])
        if len(there) and len(known):
            found = space.index.search(unit_rows(space.table.values[rows[there]]), NEIGHBOURS + 1, known)
            other = (found.items >= 0) & (found.items != rows[there, None])
            order = np.argsort(~other, axis=1, kind="stable")[:, :NEIGHBOURS]
            kept = np.take_along_axis(other, order, 1) & (np.take_along_axis(found.scores, order, 1) > 0)
            codes[there] = np.where(kept, np.take_along_axis(found.items, order, 1), -1)
            weights[there] = np.where(kept, np.take_along_axis(found.scores, order, 1), 0)
        return cls(codes, weights)

    def updated(self, places: Codes, others: Neighbours) -> Neighbours:
        """Return these with others at some places, which may go on behind the end."""
        return Neighbours(
            rows_updated(self.codes, places, others.codes), rows_updated(self.weights, places, others.weights)
        )

    def mean(self, scores: Floats) -> Floats:
        """Return the means of the neighbours' scores by their cosines; float32[q, n] -> float32[q, m], NaN where none is scored."""
        theirs = scores[:, self.codes]
        weights = np.where(np.isfinite(theirs), self.weights, 0)
        total = weights.sum(axis=2)
        sums = (np.nan_to_num(theirs) * weights).sum(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(total > 0, sums / total, np.nan).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Ground:
    """What newcomers of a bundle are held against: the space of content, who is known in it, and some of those as references."""

    space: ContentSpace
    known: Codes
    references: Codes
    around: Neighbours

    @classmethod
    def of(cls, space: ContentSpace, model: Model[Any]) -> Self:
        """Take the items that somebody met and that have a vector; up to 2,048 of them, by lot, are references."""
        met = np.asarray(model.seen.sum(axis=0)).ravel() > 0
        known = np.flatnonzero(met & space.table.present[: len(met)]).astype(np.int32)
        lot = generator(0, "newcomers").permutation(len(known))[:_REFERENCES]
        references = np.sort(known[lot])
        return cls(space, known, references, Neighbours.of(space, references, known))


class WithNewcomers(Model[Config]):
    """A fitted model, and items that it has never met, which their content places among the others.

    What speaks for a newcomer is the mean of the model's scores of its 20 nearest known items, weighted by cosine (the mapping by
    nearest neighbours of Gantner et al., *Learning attribute-to-feature mappings for cold-start recommendations*, ICDM 2010). Means
    are tamer than scores, so that nothing new would ever lead a list: 2,048 known items are estimated alike, and a newcomer gets
    the score that stands at the place of its estimate among theirs (quantile matching), beyond the last by the ratio of deviations.

    A neighbour that the person liked counts as much as what the model would recommend first: of likes themselves a model need not
    think highly, since nobody asks it about these. Who liked a newcomer is taken to have liked the known item nearest to it.

    Missing data:
        NaN for a newcomer without any part, for one that nothing known is like, and where the model can say nothing.
    """

    config_type = Config
    name = "with newcomers"

    def __init__(
        self, model: Model[Any], ground: Ground | None, items: IdMap, rows: Codes, around: Neighbours | None = None
    ) -> None:
        """Take a fitted model.

        Args:
            model: that knows the first of the items.
            ground: with the space in which all of them lie; None where there is none.
            items: all of them.
            rows: the codes of the newcomers, those behind the model's.
            around: their neighbours, where these are known.
        """
        super().__init__()
        self.model, self.ground = model, ground
        self.name = model.name  # type: ignore[misc]
        self.met = len(model.items)
        if around is None and ground is not None:
            around = Neighbours.of(ground.space, rows, ground.known)
        self.around = around or Neighbours.none(len(rows))
        self.remember(model.users, items, _wider(model.liked, len(items)), _wider(model.seen, len(items)))

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        raise PalateError("a model with newcomers is not fitted: fit the model again on what is known by now")

    def over(self, model: Model[Any]) -> WithNewcomers:
        """Return the same newcomers beside another model of the same items; their neighbours stay."""
        other = copy.copy(self)
        other.model = model
        return other

    def is_held_against(self, known: Codes) -> bool:
        """Tell whether newcomers are held against these known items."""
        return self.ground is not None and np.array_equal(self.ground.known, known)

    def nearest(self, item: int) -> int | None:
        """Return the known item that is most like a newcomer; None where there is none, or it is no newcomer."""
        code = int(self.around.codes[item - self.met, 0]) if item >= self.met else -1
        return None if code < 0 else code

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return the model's scores, and those of newcomers on its scale; float32[q, n]."""
        inner = self._inner(queries)
        if items is not None and not (items >= self.met).any():
            return self.model.score(inner, items)
        known = self.model.score(inner)
        scores = np.concatenate([known, self._placed(known, inner.history)], axis=1)
        return scores if items is None else scores[:, items]

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score as the model does; that of a newcomer as those of its neighbours, brought to its score."""
        if not isinstance(self.model, Explains):
            return Explanation(float(self.score(query, np.array([item], np.int32))[0, 0]))
        inner = self._inner(query)
        if item < self.met:
            return self._in_their_names(self.model.explain(inner, item), query)
        known = self.model.score(inner)
        score = float(self._placed(known, inner.history)[0, item - self.met])
        if not np.isfinite(score):
            return Explanation(score)
        best, liked = float(np.nanmax(known)), set(inner.history.indices.tolist())
        around = zip(
            self.around.codes[item - self.met].tolist(), self.around.weights[item - self.met].tolist(), strict=True
        )
        told = [
            (Explanation(best, {code: best}) if code in liked else self.model.explain(inner, code), weight)
            for code, weight in around
            if weight > 0
        ]
        said = _mean([(each, weight) for each, weight in told if np.isfinite(each.score)], score)
        return self._in_their_names(said, query)

    def _placed(self, known: Floats, liked: CSR) -> Floats:
        """Return scores of newcomers: the quantiles of their estimates among those of the references, as scores of these."""
        if self.ground is None or not len(self.around.codes):
            return np.full((len(known), len(self.around.codes)), np.nan, np.float32)
        told = known.copy()
        for row in range(len(told)):  # what is liked is worth the best score
            mine = liked.indices[liked.indptr[row] : liked.indptr[row + 1]]
            if np.isfinite(told[row]).any():
                told[row, mine] = np.nanmax(told[row])
        estimates, theirs = self.around.mean(told), self.ground.around.mean(told)
        scores = known[:, self.ground.references]
        for row in range(len(known)):
            there = np.isfinite(theirs[row]) & np.isfinite(scores[row])
            estimates[row] = _matched(estimates[row], np.sort(theirs[row, there]), np.sort(scores[row, there]))
        return estimates

    def _inner(self, queries: Queries) -> Queries:
        """Return the queries as the model knows them: a liked newcomer stands for the known item nearest to it."""
        history = queries.history
        new = history.indices >= self.met
        if not new.any():
            return Queries(_wider(history, self.met), queries.user)
        rows = np.repeat(np.arange(len(queries)), np.diff(history.indptr))
        codes = history.indices.copy()
        codes[new] = self.around.codes[codes[new] - self.met, 0]
        kept = codes >= 0
        ones = np.ones(int(kept.sum()), np.float32)
        inner = sp.csr_array((ones, (rows[kept], codes[kept])), shape=(len(queries), self.met))
        inner.sum_duplicates()
        inner.data[:] = 1
        return Queries(inner, queries.user)

    def _in_their_names(self, said: Explanation, query: Queries) -> Explanation:
        """Return an explanation in which a stand-in has the name of the newcomer that was liked."""
        liked = set(query.history.indices.tolist())
        names = {self.nearest(code): code for code in sorted(liked) if code >= self.met}
        history = {code if code in liked else names.get(code, code): amount for code, amount in said.history.items()}
        return Explanation(said.score, history, said.parts, said.own)


def with_newcomers(model: Model[Any], ground: Ground | None, items: IdMap, codes: Codes) -> WithNewcomers:
    """Return a model over more items, some of which are other ones.

    Neighbours are only sought of these, unless what the others are held against is another.

    Args:
        model: that may have newcomers already.
        ground: as `WithNewcomers` takes it.
        items: all of them.
        codes: of those that are new or other ones.
    """
    before = model if isinstance(model, WithNewcomers) else None
    met = model if before is None else before.model
    first, around = len(met.items), None
    if before is not None and ground is not None and (codes >= first).all() and before.is_held_against(ground.known):
        around = before.around.updated(codes - first, Neighbours.of(ground.space, codes, ground.known))
    return WithNewcomers(met, ground, items, np.arange(first, len(items), dtype=np.int32), around)


def why(
    model: Model[Any], query: Queries, item: int, catalogue: Catalogue, most: int, shared: SharedWords | None = None
) -> list[Reason]:
    """Say why an item scores as it does for one query, and first of an item that nobody has met that it is new, and like what."""
    nearest = model.nearest(item) if isinstance(model, WithNewcomers) else None
    if nearest is None:
        return reasons(model, query, item, model.items, catalogue, most, shared)
    first = new(model.items.ids[nearest], titles(catalogue, model.items, [nearest])[0])
    if model.name == "popularity":  # nobody has liked it
        return [first]
    return [first, *reasons(model, query, item, model.items, catalogue, most, shared)]


def _wider(matrix: CSR, n_items: int) -> CSR:
    """Return the same rows over another number of items; nothing is copied."""
    return sp.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], n_items))


def _matched(estimates: Floats, theirs: Floats, scores: Floats) -> Floats:
    """Return for each estimate the score at the same place; both references sorted, float32[r]."""
    if not len(theirs):
        return np.full_like(estimates, np.nan)
    placed = np.interp(estimates, theirs, scores)
    stretch = scores.std() / theirs.std() if theirs.std() > 0 else 0.0
    beyond = estimates > theirs[-1]
    placed[beyond] = scores[-1] + stretch * (estimates[beyond] - theirs[-1])
    return np.where(np.isfinite(estimates), placed, np.nan).astype(np.float32)


def _mean(told: list[tuple[Explanation, float]], score: float) -> Explanation:
    """Return the weighted mean of explanations, brought to a score; what cannot be brought to it is told as the person's own."""
    total = sum(weight for _, weight in told)
    if not total or not np.isfinite(score):
        return Explanation(score)
    raw = sum(said.score * weight for said, weight in told) / total
    factor = score / raw if raw > 0 and score > 0 else 1.0

    def summed(of: list[tuple[Mapping[Any, float], float]]) -> dict[Any, float]:
        sums: dict[Any, float] = {}
        for amounts, weight in of:
            for key, amount in amounts.items():
                sums[key] = sums.get(key, 0.0) + factor * amount * weight / total
        return sums

    own = factor * sum(said.own * weight for said, weight in told) / total + (score - factor * raw)
    parts = summed([(said.parts, weight) for said, weight in told])
    return Explanation(score, summed([(said.history, weight) for said, weight in told]), parts, own)
