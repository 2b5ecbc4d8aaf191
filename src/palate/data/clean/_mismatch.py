"""Vectors that do not go with the item's other parts: the picture of another thing, the text of another film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from palate.core.progress import track
from palate.core.rng import generator
from palate.core.types import Mask
from palate.data.catalogue import Catalogue
from palate.data.clean._principal import principal
from palate.data.clean._spoilt import Spoilt
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.lazy import LazyRows

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
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """How well each row of a part goes with the item's other parts.

    Shapes:
        rows: int[m], the items that have the part and another one; likelihood: float64[m], the log-likelihood ratio of
        the row being its own item's against a stranger's; place: float64[m], the share of strangers that go no better.
    """

    rows: npt.NDArray[np.int64]
    likelihood: Doubles
    place: Doubles

    @property
    def foretold(self) -> float:
        """The chance that a row goes better with its own item than with a stranger's."""
        return float(self.place.mean()) if len(self.place) else 0.5

    def told(self) -> tuple[Mask, float]:
        """Return which rows are told to be mismatched, and the share of all that is estimated to be.

        Of mismatched rows the places are even in 0 … 1, of all others near 1. So the share of places up to q, over q, is
        at least the share of the mismatched (Storey 2002, "A direct approach to false discovery rates"), and the largest
        q is taken up to which nine tenths of what lies there are expected to be.
        """
        none = np.zeros(len(self.place), dtype=bool)
        if self.foretold < _FORETOLD:
            return none, 0.0
        ladder = np.linspace(0.3, 0.5, 5)
        below = np.array([(self.place <= q).sum() for q in ladder])
        share = float(((below + np.sqrt(below + 1) / 2) / (ladder * len(self.place))).min())
        if share > _MOST:
            return none, share
        order = np.sort(self.place)
        sure = share * order >= _SURE * np.searchsorted(order, order, side="right") / len(order)
        if not sure.any():
            return none, share
        return self.place <= order[np.flatnonzero(sure)[-1]], share


def of_mismatches(data: Dataset) -> list[Spoilt]:
    """Find, in each part of items, rows that do not go with what else is known of the item, the worst first.

    Where several parts of an item are told, each speaks against the others; the one that goes worst is to blame.
    """
    parts = {
        name: part
        for name, part in sorted(data.features.items())
        if part.of == "items" and not isinstance(part.values, LazyRows)
    }
    fits = {name: fit_of(name, parts, data.catalogue) for name in track(parts, "comparing parts", len(parts), "parts")}
    told = {name: fit.told() for name, fit in fits.items()}
    worst = np.full(len(data.items), np.inf)
    for name, fit in fits.items():
        rows = fit.rows[told[name][0]]
        worst[rows] = np.minimum(worst[rows], fit.likelihood[told[name][0]])
    found = []
    for name, fit in fits.items():
        blamed = np.flatnonzero(told[name][0] & (fit.likelihood <= worst[fit.rows]))
        codes = fit.rows[blamed[np.argsort(fit.likelihood[blamed], kind="stable")]].astype(np.int32)
        what = f"{{n}} rows of '{name}' do not go with what else is known of the item"
        found.append(Spoilt("mismatch", what, "items", name, codes))
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
        (_foretell(known[rows], y, fold, reg) for reg in _REG), key=lambda foretold: np.square(y - foretold).mean()
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
    return Fit(rows, own, np.searchsorted(pool, own, side="right") / len(pool))


def _ratio(y: Doubles, guess: Doubles, error: Doubles) -> Doubles:
    terms = np.square(y) - np.square(y - guess) / error - np.log(error)
    return np.asarray(terms.sum(axis=1) / 2)


def _foretell(x: Doubles, y: Doubles, fold: npt.NDArray[np.int64], reg: float) -> Doubles:
    guess = np.empty_like(y)
    for out in range(_FOLDS):
        held = fold == out
        inside, target = x[~held], y[~held]
        middle, level = inside.mean(axis=0), target.mean(axis=0)
        centred = inside - middle
        gram = centred.T @ centred + reg * len(inside) * np.eye(x.shape[1])
        guess[held] = (x[held] - middle) @ np.linalg.solve(gram, centred.T @ (target - level)) + level
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
