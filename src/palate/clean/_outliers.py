"""Vectors far from all others of their part, by isolation forest or local outlier factor."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from palate.clean._principal import principal
from palate.clean._spoilt import Spoilt
from palate.core.progress import track
from palate.core.rng import generator
from palate.core.types import Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.data.lazy import LazyRows

Method = Literal["local-outlier-factor", "isolation-forest"]
_DIM = 128
"""Principal components of a part that are looked at."""
_FEWEST = 50
"""Rows from which on a part is looked at."""
_NEIGHBOURS = 50
_REFERENCE = 10_000
"""Rows that the others are compared with; of more, a sample."""
_FAR = 6.0
"""Robust deviations above the median score from which on a row is told."""


def of_outliers(data: Dataset, method: Method = "local-outlier-factor") -> list[Spoilt]:
    """Find outliers in each part of items and users."""
    parts = {name: part for name, part in sorted(data.features.items()) if not isinstance(part.values, LazyRows)}
    found = []
    for name in track(parts, "looking for outliers", len(parts), "parts"):
        part = parts[name]
        codes = np.flatnonzero(outliers(part, method)).astype(np.int32)
        what = f"{{n}} rows of '{name}' lie far from all others"
        found.append(Spoilt("outlier", what, part.of, name.removeprefix(f"{part.of}."), codes))
    return found


def outliers(part: FeatureTable, method: Method = "local-outlier-factor") -> Mask:
    """Return which rows of a part are outliers: six robust deviations and more above the median score.

    Shapes:
        -> bool[n]; an absent row is none.
    """
    rows = np.flatnonzero(part.present)
    told = np.zeros(len(part), dtype=bool)
    if len(rows) < _FEWEST:
        return told
    score = outlier_scores(part.values[rows], method)
    middle = np.median(score)
    spread = 1.4826 * float(np.median(np.abs(score - middle)))
    told[rows] = (score - middle) > _FAR * spread if spread > 0 else False
    return told


def outlier_scores(values: npt.NDArray[np.float32], method: Method) -> npt.NDArray[np.float64]:
    """Return how far each row lies from the others, in its first principal components; the more, the higher.

    The logarithm of the local outlier factor among fifty neighbours (Breunig et al. 2000), or the score of an isolation
    forest of two hundred trees (Liu et al. 2008), both of scikit-learn.

    Shapes:
        values: float32[n, d] -> float64[n].
    """
    rows = principal(values, _DIM)
    if method == "isolation-forest":
        from sklearn.ensemble import IsolationForest

        return np.asarray(-IsolationForest(n_estimators=200, random_state=0).fit(rows).score_samples(rows))
    from sklearn.neighbors import LocalOutlierFactor

    if len(rows) <= _REFERENCE:
        finder = LocalOutlierFactor(n_neighbors=min(_NEIGHBOURS, len(rows) - 1)).fit(rows)
        return np.asarray(np.log(-finder.negative_outlier_factor_))
    some = np.sort(generator(0, "outliers").choice(len(rows), _REFERENCE, replace=False))
    finder = LocalOutlierFactor(n_neighbors=_NEIGHBOURS, novelty=True).fit(rows[some])
    score = np.log(-finder.score_samples(rows))
    score[some] = np.log(-finder.negative_outlier_factor_)
    return np.asarray(score)
