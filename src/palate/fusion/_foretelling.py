"""How well a part's likeness foretells likes: of what people have in common in training, and of validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.errors import ConfigError, DataError
from palate.core.types import CSR, Codes, Floats
from palate.fusion._base import Fitting, Units
from palate.linalg.products import ones_where
from palate.linalg.topk import top_k
from palate.metrics import ndcg

_PAIRS = 5000
_ASKED = 1000
_CELLS = 1 << 20
_K = 20
_INSTEAD = "give the parts weights, or weigh them by=coverage"


def likes_of(given: Fitting) -> CSR | None:
    """Return the likes of training with what the parts are of as columns; None where these have no likes of their own."""
    of = next(iter(given.parts.values())).of
    if of == "interactions" or not given.data.liked.nnz:
        return None
    return given.data.liked if of == "items" else sp.csr_array(given.data.liked.T.tocsr())


def qualities(given: Fitting, cosines: Callable[[Codes, Codes], Mapping[str, Floats]]) -> dict[str, float]:
    """Return by how much a part's likeness tells pairs that one person liked from pairs of chance, for each part.

    A - 1/2, A the probability that the cosine of two things liked by the same person is above that of two things
    of which two people liked one each (area under the ROC curve; a tie counts one half). Both are drawn by like, so that popular
    things are as often among the one as among the other; 5,000 pairs of each kind. What chance gives too (two deviations of A where
    nothing is foretold, sqrt((a + b + 1) / (12 a b)) for a and b pairs: Mann and Whitney 1947) counts as 0.

    Args:
        cosines: of pairs of rows, int32[n] twice -> float32[n] for each part, NaN where one of them lacks it.

    Raises:
        DataError: nobody liked two things.
    """
    likes = likes_of(given)
    degrees = np.zeros(0, np.int64) if likes is None else np.diff(likes.indptr)
    if likes is None or degrees.max(initial=0) < 2:
        raise DataError(f"weights by quality need people who liked two things, and there are none: {_INSTEAD}")
    rng, item = given.rng, likes.indices.astype(np.int32)
    person = np.repeat(np.arange(len(degrees)), degrees)
    several = np.flatnonzero(degrees[person] > 1)
    first = rng.choice(several, _PAIRS)
    own = person[first]
    step = 1 + (rng.random(_PAIRS) * (degrees[own] - 1)).astype(np.int64)
    start = likes.indptr[own].astype(np.int64)
    same = start + (first - start + step) % degrees[own]
    left, right = rng.choice(several, _PAIRS), rng.choice(several, _PAIRS)
    apart = (person[left] != person[right]) & (item[left] != item[right])
    together, chance = cosines(item[first], item[same]), cosines(item[left[apart]], item[right[apart]])
    return {name: quality(together[name], chance[name]) for name in together}


def quality(more: Floats, less: Floats) -> float:
    """Return by how much the share of pairs of which the first is above the second is over one half; 0 where chance is as good."""
    from scipy.stats import rankdata

    more, less = more[~np.isnan(more)], less[~np.isnan(less)]
    pairs = len(more) * len(less)
    if not pairs:
        return 0.0
    places = rankdata(np.concatenate([more, less]))[: len(more)].sum()
    above = float((places - len(more) * (len(more) + 1) / 2) / pairs) - 0.5
    return above if above > 2 * np.sqrt((len(more) + len(less) + 1) / (12 * pairs)) else 0.0


@dataclass(frozen=True, eq=False)
class Asked:
    """What validation asks, of so many people: their likes in training, what they met there, and what is to be found.

    Shapes:
        history, hidden, relevant: sparse[q, n].
    """

    history: CSR
    hidden: CSR
    relevant: CSR

    @classmethod
    def of(cls, given: Fitting) -> Asked:
        """Take the people of validation, at most 1,000 of them.

        Raises:
            ConfigError: there is no validation, or the parts are not of items. DataError: nothing in it is new.
        """
        if given.valid is None:
            raise ConfigError(
                "weights by validation need a validation part, and none was given: split the data, or weigh the parts by=quality"
            )
        if next(iter(given.parts.values())).of != "items":
            raise ConfigError(f"weights by validation need parts of items: {_INSTEAD}")
        train, valid = given.data, given.valid
        new = sp.csr_array(valid.liked - valid.liked.multiply(train.seen))
        new.eliminate_zeros()
        users = np.flatnonzero((np.diff(new.indptr) > 0) & (np.diff(train.liked.indptr) > 0))
        if not len(users):
            raise DataError(f"nobody of the validation part liked anything new there: {_INSTEAD}")
        if len(users) > _ASKED:
            users = np.sort(given.rng.permutation(users)[:_ASKED])
        return cls(*(sp.csr_array(matrix[users]) for matrix in (train.liked, train.seen, new)))

    def ndcg(self, units: Units, weights: Mapping[str, float]) -> float:
        """Return NDCG@20 where a person is the mean of the vectors liked; parts side by side by these weights.

        Shapes:
            units: float32[n, d] by part, rows of length one or zeros.
        """
        used = {name: np.float32(weight) for name, weight in weights.items() if weight > 0}
        whole: Floats = np.sum([weight * units[name].any(axis=1) for name, weight in used.items()], axis=0)
        shrunk = np.divide(1, np.sqrt(whole), out=np.zeros(whole.shape, np.float32), where=whole > 0)
        history = sp.csr_array(ones_where(self.history, whole > 0) @ sp.diags_array(shrunk))
        people = {name: np.asarray(history @ units[name]) * weight for name, weight in used.items()}
        found: list[npt.NDArray[np.float64]] = []
        size = max(1, _CELLS // len(whole))
        for start in range(0, history.shape[0], size):
            block = slice(start, start + size)
            scores = np.zeros((min(size, history.shape[0] - start), len(whole)), np.float32)
            for name in used:
                scores += people[name][block] @ units[name].T
            scores *= shrunk
            scores[:, whole == 0] = np.nan
            scores[self.hidden[block].tocoo().coords] = np.nan
            found.append(ndcg(top_k(scores, _K).items, sp.csr_array(self.relevant[block]), _K))
        return float(np.concatenate(found).mean())
