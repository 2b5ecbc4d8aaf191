"""Vectors that do not go with the item's other parts: the picture of another thing, the text of another film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from palate.clean._principal import principal
from palate.clean._spoilt import Spoilt
from palate.core.progress import track
from palate.core.rng import generator
from palate.core.types import Doubles, Floats, Mask
from palate.data.catalogue import Catalogue
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.lazy import LazyRows
from palate.linalg.affine import ridge_map

_DIM = 32
"""Principal components of a part that are kept."""
_VALUES = 50
"""Of a column of categories, so many of the most frequent values count."""
_FOLDS, _REG = 5, (0.01, 0.1, 1.0)
"""A row is foretold by the other four fifths; ridge by the best of these, in units of the rows."""
_FEWEST = 100
"""Rows from which on a part is looked at."""
_STRANGERS = 20
"""Each row is also compared with so many others."""
_FORETOLD = 0.75
"""Chance that a row goes better with its own item than with a stranger's, below which a part is not foretold."""
_MOST = 0.25
"""Where more than this could be mismatched, parts hang together too loosely to say which."""
_SURE = 0.9
"""At least this share of what is told is expected to be mismatched."""
_STEPS = 200
"""Of the expectation and maximisation by which the two groups are told apart."""


@dataclass(frozen=True, eq=False)
class Fit:
    """How well each row of a part goes with the item's other parts.

    Shapes:
        rows: int[m], the items that have the part and another one; likelihood: float64[m], the log-likelihood ratio of
        the row being its own item's against a stranger's; place: float64[m], the share of strangers that go no better;
        strange: the mean and the deviation of these ratios where the row is a stranger's.
    """

    rows: npt.NDArray[np.int64]
    likelihood: Doubles
    place: Doubles
    strange: tuple[float, float] = (0.0, 1.0)

    @property
    def foretold(self) -> float:
        """The chance that a row goes better with its own item than with a stranger's."""
        return float(self.place.mean()) if len(self.place) else 0.5

    def told(self) -> tuple[Mask, float]:
        """Return which rows are told to be mismatched, and the share of all that is estimated to be.

        Those are told of which nine tenths are expected to be, the likeliest first (Efron 2008, "Microarrays, empirical Bayes
        and the two-groups model").
        """
        told = np.zeros(len(self.place), dtype=bool)
        if self.foretold < _FORETOLD:
            return told, 0.0
        chance, share = self._two_groups()
        order = np.argsort(-chance, kind="stable")
        sure = np.flatnonzero(np.cumsum(chance[order]) >= _SURE * np.arange(1, len(order) + 1))
        told[order[: min(sure.max(initial=-1) + 1, int(share * len(order) / _SURE))]] = True
        return told, share

    def _two_groups(self) -> tuple[Doubles, float]:
        """Return the chance that each row is mismatched, float64[m], and the share that is.

        The ratios of mismatched rows are those of strangers, which are known; those of all others are normal around a mean
        that is learned with the share, by expectation and maximisation. Places of the mismatched are even in 0 … 1, so that
        their share is at most that of places up to q, over q (Storey 2002, "A direct approach to false discovery rates"),
        and two deviations of that count: rows that go a little worse than others, but not as strangers' would, are none.
        """
        ladder = np.linspace(0.3, 0.5, 5)
        below = np.array([(self.place <= q).sum() for q in ladder])
        most = float(((below + 2 * np.sqrt(below + 1)) / (ladder * len(self.place))).min())
        value, strange = self.likelihood, _normal(self.likelihood, *self.strange)
        middle = float(np.median(value))
        spread, share = 1.4826 * float(np.median(np.abs(value - middle))), min(0.1, most)
        chance = np.zeros(len(value))
        for _ in range(_STEPS):
            other = _normal(value, middle, max(spread, 1e-3 * self.strange[1]))
            chance = share * strange / np.maximum(share * strange + (1 - share) * other, 1e-300)
            share, right = min(float(chance.mean()), most), np.maximum(1 - chance, 1e-12)
            middle = float(np.average(value, weights=right))
            spread = float(np.sqrt(np.average(np.square(value - middle), weights=right)))
        return chance, share


def _normal(value: Doubles, middle: float, spread: float) -> Doubles:
    """Return the normal density, but for a constant."""
    return np.asarray(np.exp(-np.square((value - middle) / spread) / 2) / spread)


def of_mismatches(data: Dataset) -> list[Spoilt]:
    """Find, in each part of items, rows that do not go with what else is known of the item, the worst first.

    Where two parts of an item are told, each speaks against the other: with a and b the two and r the rest, p(a) p(b | r)
    stands against p(b) p(a | r), each times the share of such items in which that part is to blame, by expectation and maximisation.
    """
    parts = {
        name: part
        for name, part in sorted(data.features.items())
        if part.of == "items" and not isinstance(part.values, LazyRows)
    }
    fits = {name: fit_of(name, parts, data.catalogue) for name in track(parts, "comparing parts", len(parts), "parts")}
    judged = {name: fit.told() for name, fit in fits.items()}
    told = {name: _spread(fit.rows[judged[name][0]], len(data.items)) for name, fit in fits.items()}
    cleared = {name: np.zeros(len(data.items), dtype=bool) for name in fits}
    for one, other in combinations(fits, 2):
        both = told[one] & told[other]
        if both.any():
            alone, another = (_without(*names, parts, data.catalogue) for names in ((one, other), (other, one)))
            odds = _odds((another - alone)[both])
            cleared[one][both] |= odds < 0
            cleared[other][both] |= odds > 0
    found = []
    for name, fit in fits.items():
        sure = judged[name][1] <= _MOST
        blamed = np.flatnonzero((told[name] & ~cleared[name])[fit.rows] & sure)
        codes = fit.rows[blamed[np.argsort(fit.likelihood[blamed], kind="stable")]].astype(np.int32)
        what = f"{{n}} rows of '{name}' do not go with what else is known of the item"
        found.append(Spoilt("mismatch", what, "items", name, codes))
    return found


def _odds(evidence: Doubles) -> Doubles:
    """Return the log-odds that the first of two is to blame, by the evidence of each case and the share of all; float64[m]."""
    prior = 0.0
    for _ in range(_STEPS):
        share = float(np.clip(expit(evidence + prior).mean(), 1e-3, 1 - 1e-3))
        prior = float(np.log(share / (1 - share)))
    return evidence + prior


def _spread(rows: npt.NDArray[np.int64], n: int) -> Mask:
    return np.isin(np.arange(n), rows)


def _without(name: str, other: str, parts: Mapping[str, FeatureTable], catalogue: Catalogue) -> Doubles:
    """Return how well each row of a part goes with all but another one; float64[n], 0 where nothing else is known."""
    fit = fit_of(name, {key: part for key, part in parts.items() if key != other}, catalogue)
    found = np.zeros(len(catalogue))
    found[fit.rows] = fit.likelihood
    return found


def fit_of(name: str, parts: Mapping[str, FeatureTable], catalogue: Catalogue) -> Fit:
    """Foretell the rows of a part from the item's other parts, categories and numbers, and compare with strangers'.

    The part's principal components, of deviation 1, are foretold by ridge regression from the other fifths of the rows.
    With errors that are normal and independent, s² each, the log-likelihood ratio of y being its own item's is the sum of
    (y² − (y − ŷ)² / s² − log s²) / 2.
    """
    part = parts[name]
    known, there = _known(name, parts, catalogue)
    rows = np.flatnonzero(part.present & there)
    if len(rows) < _FEWEST or not known.shape[1]:
        return Fit(rows[:0], np.empty(0), np.empty(0))
    y = principal(part.values[rows], _DIM, even=True)
    fold = generator(0, "mismatch", name).permutation(len(rows)) % _FOLDS
    guess = min(
        (_foretell(known[rows].astype(np.float32), y.astype(np.float32), fold, reg).astype(np.float64) for reg in _REG),
        key=lambda foretold: np.square(y - foretold).mean(),
    )
    error = np.clip(np.square(y - guess).mean(axis=0), 1e-3, 1)
    own = _ratio(y, guess, error)
    rng = generator(0, "mismatch", name, "strangers")
    shifts = rng.choice(np.arange(1, len(rows)), min(_STRANGERS, len(rows) - 1), replace=False)
    shuffled = rng.permutation(len(rows))
    strangers = np.empty((len(shifts), len(rows)))
    for at, shift in enumerate(shifts):
        other = np.empty(len(rows), dtype=np.int64)
        other[shuffled] = np.roll(shuffled, shift)
        strangers[at] = _ratio(y[other], guess, error)
    pool = np.sort(strangers, axis=None)
    place = np.searchsorted(pool, own, side="right") / len(pool)
    return Fit(rows, own, place, (float(pool.mean()), max(float(pool.std()), 1e-12)))


def _ratio(y: Doubles, guess: Doubles, error: Doubles) -> Doubles:
    terms = np.square(y) - np.square(y - guess) / error - np.log(error)
    return np.asarray(terms.sum(axis=1) / 2)


def _foretell(x: Floats, y: Floats, fold: npt.NDArray[np.int64], reg: float) -> Floats:
    guess = np.empty_like(y)
    for out in range(_FOLDS):
        held = fold == out
        foretells = ridge_map(x[~held], y[~held], reg * float((~held).sum()))
        guess[held] = foretells(x[held])
    return guess


def _known(name: str, parts: Mapping[str, FeatureTable], catalogue: Catalogue) -> tuple[Doubles, Mask]:
    """Return all else that is known of the items, float64[items, d], and which items have any of it.

    Parts of the same column, such as `clip.sound` beside `clip`, tell nothing: one wrong file spoils all.
    """
    column = name.partition(".")[0]
    blocks: list[Doubles] = []
    there = np.zeros(len(catalogue), dtype=bool)
    for other, part in parts.items():
        if other.partition(".")[0] != column and part.present.sum() >= _FEWEST:
            block = np.zeros((len(part), min(_DIM, part.dim)))
            block[part.present] = principal(part.values[part.present], _DIM)
            blocks += [block, (~part.present)[:, None].astype(np.float64)]
            there |= part.present
    for other in catalogue.of_type("category"):
        values = catalogue.table[other].cast(str)
        common = values.drop_nulls().value_counts(sort=True).head(_VALUES)[other].to_list()
        if other != column and common:
            block = np.stack([(values == value).fill_null(False).to_numpy() for value in common], axis=1)
            blocks.append(block.astype(np.float64))
            there |= block.any(axis=1)
    return (np.concatenate(blocks, axis=1) if blocks else np.zeros((len(catalogue), 0))), there
