"""Who votes for dimensions of parts, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from palate.align.projection import beyond_popularity
from palate.core.types import Doubles, Floats, Mask
from palate.fusion._base import Fitting
from palate.fusion._foretelling import likes_of

_LOOKED_AT = 4000
_DIRECTIONS = 32
_POWERS = 2
_BLOCK = 512
_CONSTANT = 1e-6


@dataclass(frozen=True, eq=False)
class Seen:
    """The rows that voters look at: at most 4,000 that occur in training.

    Shapes:
        rows: float32[s, d] by part, each dimension of mean 0 and deviation 1 (0 where it never varies), zeros where absent.
        present: bool[s]; spread: float64[d], of 0 to 1, the deviation over itself and the mean; likes: float64[s, k], where the likes
        put things beyond popularity; None where there are none, or where they tell nothing else.
    """

    rows: Mapping[str, Floats]
    present: Mapping[str, Mask]
    spread: Mapping[str, Doubles]
    likes: Doubles | None
    rng: np.random.Generator

    @classmethod
    def of(cls, given: Fitting) -> Seen:
        """Take a sample of the rows."""
        codes = np.flatnonzero(given.trained if given.trained.any() else np.ones(len(given.trained), bool))
        if len(codes) > _LOOKED_AT:
            codes = np.sort(given.rng.permutation(codes)[:_LOOKED_AT])
        rows, spread = {}, {}
        present = {name: table.present[codes] for name, table in given.parts.items()}
        for name, table in given.parts.items():
            there = table.values[codes[present[name]]].astype(np.float64)
            mean = there.mean(axis=0) if len(there) else np.zeros(table.dim)
            deviation = there.std(axis=0) if len(there) else np.zeros(table.dim)
            deviation[deviation <= _CONSTANT * np.maximum(np.abs(mean), _CONSTANT)] = 0
            rows[name] = np.zeros((len(codes), table.dim), np.float32)
            rows[name][present[name]] = (there - mean) * np.divide(
                1, deviation, out=np.zeros(table.dim), where=deviation > 0
            )
            whole = np.abs(mean) + deviation
            spread[name] = np.divide(deviation, whole, out=np.zeros(table.dim), where=whole > 0)
        likes = likes_of(given)
        placed = None if likes is None else beyond_popularity(likes, _DIRECTIONS, given.rng)[codes]
        return cls(rows, present, spread, placed if placed is not None and placed.shape[1] else None, given.rng)


Worth = Mapping[str, Doubles]
"""What a voter makes of each dimension; float64[d] by part, more is better."""


def spread(seen: Seen, before: Worth) -> Worth | None:
    """Vote for what varies much for its mean: |deviation| / (|deviation| + |mean|)."""
    return seen.spread


def agreement(seen: Seen, before: Worth) -> Worth | None:
    """Vote for what the other parts of the same thing foretell: R² on their main directions; None with one part alone."""
    if len(seen.rows) < 2:
        return None
    found = {}
    for name, rows in seen.rows.items():
        others = [each / np.float32(np.sqrt(each.shape[1])) for other, each in seen.rows.items() if other != name]
        both = seen.present[name] & np.any([seen.present[other] for other in seen.rows if other != name], axis=0)
        found[name] = _foretold(rows[both], np.hstack(others)[both], seen.rng)
    return found


def likes(seen: Seen, before: Worth) -> Worth | None:
    """Vote for what goes with who likes a thing, beyond how popular it is: R² on the main directions of the likes."""
    if seen.likes is None:
        return None
    found = {}
    for name, rows in seen.rows.items():
        both = seen.present[name] & seen.likes.any(axis=1)
        found[name] = _foretold(rows[both], seen.likes[both].astype(np.float32), seen.rng)
    return found


def newness(seen: Seen, before: Worth) -> Worth | None:
    """Vote for what no better dimension of the same part says already: - the largest squared correlation with one of these.

    Better is what the others prefer, so that of two that say the same one stays (Peng, Long and Ding 2005).
    """
    return {
        name: _new(rows[seen.present[name]], np.argsort(-before[name], kind="stable"))
        for name, rows in seen.rows.items()
    }


VOTERS: Mapping[str, Callable[[Seen, Worth], Worth | None]] = {
    "spread": spread, "agreement": agreement, "likes": likes, "newness": newness,
}  # fmt: skip
"""In the order in which they are asked: the last is told what the others make of each dimension, places from 0 to 1."""


def _foretold(rows: Floats, by: Floats, rng: np.random.Generator) -> Doubles:
    """Return R² of each dimension on the main directions of `by`, less what as many directions of chance would give.

    Shapes:
        rows: float32[n, d]; by: float32[n, w] -> float64[d].
    """
    n, count = len(rows), min(_DIRECTIONS, by.shape[1], len(rows) // 4)
    if not count:
        return np.zeros(rows.shape[1])
    basis = _main(by - by.mean(axis=0), count, rng)
    centred = rows - rows.mean(axis=0)
    whole = np.square(centred).sum(axis=0, dtype=np.float64)
    told = np.square(basis.T @ centred).sum(axis=0, dtype=np.float64)
    share = np.divide(told, whole, out=np.zeros(len(whole)), where=whole > 0)
    return np.where(whole > 0, 1 - (1 - share) * (n - 1) / (n - count - 1), 0)


def _main(rows: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Return an orthonormal basis of about the strongest left singular vectors (Halko, Martinsson and Tropp 2011)."""
    basis = np.linalg.qr(rows @ rng.standard_normal((rows.shape[1], count)).astype(np.float32))[0]
    for _ in range(_POWERS):
        basis = np.linalg.qr(rows @ (rows.T @ basis))[0]
    return np.asarray(basis, dtype=np.float32)


def _new(rows: Floats, order: np.ndarray) -> Doubles:
    turned, most = rows[:, order], np.zeros(len(order))
    for start in range(0, len(order), _BLOCK):
        stop = min(start + _BLOCK, len(order))
        alike = np.square(turned[:, start:stop].T @ turned[:, :stop] / max(len(rows), 1))
        earlier = np.tril(np.ones((stop - start, stop), bool), start - 1)
        most[start:stop] = np.where(earlier, alike, 0).max(axis=1)
    found = np.empty(len(order))
    found[order] = -most
    return found
