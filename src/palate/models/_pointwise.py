"""What pointwise models share: the numbers that describe a pair of a user and an item, and predictions of pairs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal, Self, TypeVar

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from palate.core.errors import DataError
from palate.core.progress import track
from palate.core.rng import generator
from palate.core.state import State
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Queries, Run
from palate.linalg.neighbours import unit_rows
from palate.linalg.products import ones_where
from palate.metrics._hits import Doubles
from palate.models._content import ContentConfig, ContentModel
from palate.models._examples import Examples, Index, Levels, Met, Target, count_of_others, examples, left_out

_BLOCK = 4096
_NOTHING = 1e-6
"""A mean shorter than this is of vectors that cancel out, and points nowhere."""
_LEARNED = ("basis", "counts", "item_level", "user_level", "calibration")
LIKENESS, COUNT, ITEM_LEVEL, HISTORY, USER_LEVEL = range(5)
"""Places of the single numbers of a pair, behind the 2 * dim that are made of vectors."""


class PointwiseConfig(ContentConfig):
    """What both pointwise models can be told."""

    target: Target = "click"
    """click: how likely a like is; rating: what the weight will be."""
    negatives: NonNegativeInt = 4
    """Pairs that were never met, sampled for each like; with 0 a click is learned against explicit dislikes alone."""
    dim: PositiveInt = 64
    """Fused vectors are reduced to so many directions before they are multiplied (truncated SVD)."""
    shrink: PositiveFloat = 5.0
    """So many average ratings are added to each item's and user's own before their level is taken."""
    max_pairs: int = Field(200_000, ge=100)
    """Learn from a random sample of so many pairs where there are more."""


K = TypeVar("K", bound=PointwiseConfig)


@dataclass(frozen=True, eq=False)
class People:
    """What is known of the people of a batch.

    Shapes:
        profiles: float32[q, d], the unit mean of the vectors liked; reduced: float32[q, dim]; history: float32[q], the
        log of 1 + the number liked; level: float32[q], how mild they are, 0 where that is unknown; known: bool[q],
        whether there is a profile at all.
    """

    profiles: Floats
    reduced: Floats
    history: Floats
    level: Floats
    known: Mask


class Pointwise(ContentModel[K]):
    """Base of the pointwise models: `_learn`, `_outcome` and `score` are what a new one writes.

    A pair of user u and item i is 2 dim + 5 numbers: p * v (p the user's profile, v the item's vector, both reduced),
    v itself, the cosine of profile and item, log(1 + the likes of i by others), the level of i, log(1 + the likes of
    u) and the level of u, where a level is a shrunk mean of ratings (or of likes among what was met) over the mean.
    """

    requires = frozenset({"interactions", "features"})

    basis: Floats
    """float32[d, dim], from fused vectors to reduced ones."""
    reduced: Floats
    """float32[n_items, dim], the vectors of items, reduced."""
    counts: Floats
    """float32[n_items], log(1 + likes)."""
    item_level: Floats
    user_level: Floats
    bounds: tuple[float, float]
    """The lowest and highest value that was seen: predictions stay between them."""
    calibration: Doubles
    """float64[7], from log-odds among all pairs to those among pairs that are met: what the log-odds, each of the five
    single numbers, and one count for; 1, 0, 0, … where these are the same."""

    @property
    def predicts(self) -> Literal["click", "rating"]:
        """Whether predictions are probabilities of a like, or ratings."""
        return self.config.target

    @abstractmethod
    def _learn(self, features: Floats, truth: Doubles, run: Run) -> None:
        """Learn the outcome of pairs; truth is 0 or 1 for clicks, a rating for ratings."""

    @abstractmethod
    def _outcome(self, features: Floats) -> Doubles:
        """Return the log-odds or the rating of pairs; float32[n, 2 dim + 5] -> float64[n]."""

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        self._place_items(train, valid, run)
        met = Met.of(train, self.config.target)
        self.bounds = (float(met.value.min()), float(met.value.max())) if self.predicts == "rating" else (0.0, 1.0)
        dislikes = not met.liked.all()
        self._refuse_one_outcome(met, dislikes)
        levels = Levels.of(met, len(train.users), len(train.items), self.config.shrink)
        likes = np.bincount(train.liked.indices, minlength=len(train.items)).astype(np.int64)
        self.counts = np.log1p(likes).astype(np.float32)
        self.item_level, self.user_level = levels.items.astype(np.float32), levels.users.astype(np.float32)
        self.basis = self._directions(run.seed)
        self.reduced = self.vectors.values @ self.basis
        rng = generator(run.seed, self.name, "pairs")
        config = self.config
        some = examples(train, met, self.vectors.present, config.target, config.negatives, config.max_pairs, rng)
        features, some = self._described(some, train.liked, levels, met, likes)
        if len(set(some.truth.tolist())) < 2:
            raise DataError(
                f"{self.name} needs users who liked two items that have parts, and found none to learn from"
            )
        self._learn(features, some.truth, run)
        self.calibration = np.eye(7)[0]
        outcomes = some.truth[some.known]
        if self.predicts == "click" and config.negatives and outcomes.min() < outcomes.max():
            self.calibration = _calibrated(self._telling(features[some.known]), outcomes)

    def _refuse_one_outcome(self, met: Met, dislikes: bool) -> None:
        if self.predicts == "rating" and self.bounds[0] == self.bounds[1]:
            raise DataError(
                f"{self.name} cannot learn ratings: every weight in the training data is {self.bounds[0]:g}; "
                "set target=click, or bring ratings as weights"
            )
        if self.predicts == "click" and not dislikes and not self.config.negatives:
            raise DataError(
                f"{self.name} has nothing to tell likes from: the training data hold no dislikes and negatives is 0; "
                "set negatives=4"
            )

    def _directions(self, seed: int) -> Floats:
        """Return the first right singular vectors of the fused items; all of the space where it is narrow enough."""
        vectors = self.vectors.values[self.vectors.present]
        width = vectors.shape[1]
        if width <= self.config.dim:
            return np.eye(width, dtype=np.float32)
        from sklearn.utils.extmath import randomized_svd

        _, _, right = randomized_svd(
            vectors, min(self.config.dim, len(vectors)), random_state=int(generator(seed, "directions").integers(2**31))
        )
        return np.ascontiguousarray(right.T, dtype=np.float32)

    def _described(self, some: Examples, liked: CSR, levels: Levels, met: Met, likes: Index) -> tuple[Floats, Examples]:
        """Return the numbers of examples, without those whose user has no profile once the example is left out."""
        present, vectors = self.vectors.present, self.vectors.values
        own = ones_where(liked, present)
        sums = np.asarray(own @ vectors, dtype=np.float32)
        lengths = np.diff(own.indptr)[some.user] - present[some.without]
        item_level, user_level = left_out(levels, met, some)
        counts = np.log1p(count_of_others(likes, met, some))
        blocks, kept = [], []
        starts = range(0, len(some.user), _BLOCK)
        for start in track(starts, f"{self.name}: describing pairs", unit="blocks"):
            rows = slice(start, start + _BLOCK)
            without = some.without[rows]
            summed = sums[some.user[rows]] - np.where(present[without][:, None], vectors[without], np.float32(0))
            people = self._people(summed, lengths[rows], user_level[rows])
            blocks.append(self._pair_features(people, some.item[rows], counts[rows], item_level[rows])[people.known])
            kept.append(people.known)
        rest = np.concatenate(kept) if kept else np.zeros(0, bool)
        width = 2 * self.basis.shape[1] + 5
        return (np.concatenate(blocks) if blocks else np.zeros((0, width), np.float32)), some.take(rest)

    def _people(self, sums: Floats, lengths: Codes, level: Doubles) -> People:
        known = np.linalg.norm(sums, axis=1) > _NOTHING * np.maximum(lengths, 1)
        profiles = unit_rows(sums)
        history = np.log1p(lengths).astype(np.float32)
        return People(profiles, profiles @ self.basis, history, level.astype(np.float32), known)

    def _asking(self, queries: Queries) -> People:
        """Return what is known of the people of a batch; a new one has level 0."""
        history = ones_where(queries.history, self.vectors.present)
        sums = np.asarray(history @ self.vectors.values, dtype=np.float32)
        level = np.where(queries.user >= 0, self.user_level[np.maximum(queries.user, 0)], np.float32(0))
        return self._people(sums, np.diff(history.indptr), level)

    def _pair_features(
        self, people: People, item: Codes | Index, counts: Doubles | Floats, level: Doubles | Floats
    ) -> Floats:
        reduced = self.reduced[item]
        likeness = np.einsum("nd,nd->n", people.profiles, self.vectors.values[item])
        rest = np.stack([likeness, counts, level, people.history, people.level], axis=1)
        return np.concatenate([people.reduced * reduced, reduced, rest], axis=1, dtype=np.float32)

    def predict(self, queries: Queries, rows: Codes, items: Codes) -> Floats:
        """Foretell pairs: the probability of a like, or a rating between the lowest and the highest seen.

        The level of a known user counts, which `score` leaves out. Where the training data hold dislikes, a
        probability is of a like among what is met; where they hold none, among one like and `negatives` others.

        Shapes:
            rows: int32[n], rows of queries; items: int32[n] -> float32[n].
        Missing data:
            NaN for an item without any part, and for people of whom no liked item has one.
        """
        people = self._asking(queries)
        found = np.full(len(rows), np.nan, dtype=np.float32)
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            row, item = rows[block], items[block]
            mine = People(*(values[row] for values in vars(people).values()))
            features = self._pair_features(mine, item, self.counts[item], self.item_level[item])
            can = mine.known & self.vectors.present[item]
            found[block] = np.where(can, self._foretold(features), np.nan)
        return found

    def _foretold(self, features: Floats) -> Doubles:
        if self.predicts == "rating":
            return np.clip(self._outcome(features), *self.bounds)
        return sigmoid(self._telling(features) @ self.calibration)

    def _telling(self, features: Floats) -> Doubles:
        """Return what calibration reads: the log-odds, the single numbers and one; float64[n, 7]."""
        return np.column_stack([self._outcome(features), features[:, -5:], np.ones(len(features))])

    def state(self) -> State:
        """Parts and fusion, the directions, and what is known of items and users."""
        inner = super().state()
        arrays = {name: getattr(self, name) for name in _LEARNED}
        return State({**inner.arrays, **arrays}, {**inner.meta, "bounds": list(self.bounds)})

    def load_state(self, state: State) -> Self:
        """Take over what `state` holds."""
        for name in _LEARNED:
            setattr(self, name, state.arrays[name])
        self.bounds = (float(state.meta["bounds"][0]), float(state.meta["bounds"][1]))
        super().load_state(state)
        self.reduced = self.vectors.values @ self.basis
        return self


def sigmoid(values: Doubles) -> Doubles:
    """Return 1 / (1 + exp(-x)), without overflow.

    Example:
        >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
        [0.0, 0.5, 1.0]
    """
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1 / (1 + small), small / (1 + small))


def spreads(features: Floats | Doubles) -> tuple[Doubles, Doubles]:
    """Return the mean and deviation of each column, infinite where it never moves, so that it then counts nothing."""
    deviation = features.std(axis=0, dtype=np.float64)
    return features.mean(axis=0, dtype=np.float64), np.where(deviation > _NOTHING, deviation, np.inf)


def _calibrated(telling: Doubles, truth: Doubles) -> Doubles:
    """Return the weights of a logistic regression; the last is that of the ones."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = spreads(telling)
    found = LogisticRegression(solver="newton-cholesky").fit((telling - mean) / spread, truth)
    weights = np.ravel(found.coef_) / spread
    weights[-1] = float(found.intercept_[0]) - weights @ mean
    return np.asarray(weights, dtype=np.float64)
