"""Logistic regression on a sample of what could have been liked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from palate.core.types import CSR, Codes, Doubles, Floats, Mask
from palate.fusion.late._standard import standard

_LIKES = 20_000
_BLOCK = 256
_STEPS = 50
_STILL = 1e-9


@dataclass(frozen=True, eq=False)
class Sample:
    """Likes of validation, and random items that the same people had not met and did not like there.

    Shapes:
        features: float64[s, 2 m], the members' standardised scores, 0 where they cannot score, and then ones where they cannot.
        liked: bool[s]; share: float64[s], the share that was drawn of what the person could have liked and did not.
    """

    features: Doubles
    liked: Mask
    share: Doubles

    @classmethod
    def of(
        cls, scores: Mapping[str, Floats], hidden: CSR, relevant: CSR, negatives: int, rng: np.random.Generator
    ) -> Self:
        """Draw `negatives` for each like that a member can score; likes of at least 20,000, if there are so many.

        Shapes:
            scores: float32[q, n] by member; hidden, relevant: sparse[q, n].
        """
        rows, items, liked, shares, likes = [], [], [], [], 0
        for row in rng.permutation(hidden.shape[0]).tolist():
            able = ~np.all([np.isnan(values[row]) for values in scores.values()], axis=0)
            able[hidden.indices[hidden.indptr[row] : hidden.indptr[row + 1]]] = False
            wanted = relevant.indices[relevant.indptr[row] : relevant.indptr[row + 1]]
            wanted = wanted[able[wanted]]
            able[wanted] = False
            others = np.flatnonzero(able)
            drawn = rng.permutation(others)[: negatives * len(wanted)]
            both = np.concatenate([wanted, drawn])
            rows.append(np.full(len(both), row))
            items.append(both)
            liked.append(np.arange(len(both)) < len(wanted))
            shares.append(np.full(len(both), len(drawn) / max(1, len(others))))
            likes += len(wanted)
            if likes >= _LIKES:
                break
        row, item = (np.concatenate(codes).astype(np.int32) for codes in (rows, items))
        return cls(_features(scores, row, item), np.concatenate(liked), np.concatenate(shares))


def _features(scores: Mapping[str, Floats], row: Codes, item: Codes) -> Doubles:
    codes, place = np.unique(row, return_inverse=True)
    told, silent = [], []
    for values in scores.values():
        said, slope, offset = values[row, item], np.zeros(len(codes)), np.zeros(len(codes))
        for start in range(0, len(codes), _BLOCK):
            block = values[codes[start : start + _BLOCK]]
            own = standard(block, ~np.isnan(block))
            slope[start : start + _BLOCK], offset[start : start + _BLOCK] = own.slope[:, 0], own.offset[:, 0]
        silent.append(np.isnan(said))
        told.append(np.where(silent[-1], 0, slope[place] * said + offset[place]))
    return np.stack([*told, *silent], axis=1).astype(np.float64)


def fitted(sample: Sample, reg: float) -> Doubles:
    """Return the bias and the weights of the likeliest log-odds, with a ridge on the weights; float64[1 + 2 m].

    Newton's steps (iteratively reweighted least squares), halved where one goes too far. A like is in the sample for sure
    and another item by its share, so that the odds in the sample are those outside over the share: -log(share) is added.
    """
    features = np.hstack([np.ones((len(sample.liked), 1)), sample.features])
    truth, offset = sample.liked.astype(np.float64), -np.log(np.maximum(sample.share, 1e-12))
    ridge = np.full(features.shape[1], reg)
    ridge[0] = 1e-9  # so that likes alone have an answer
    weights = np.zeros(features.shape[1])

    def loss(weights: Doubles) -> float:
        odds = features @ weights + offset
        return float(np.logaddexp(0, odds).sum() - truth @ odds + ridge @ weights**2 / 2)

    now = loss(weights)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(features @ weights + offset, -500, 500)))
        slope = features.T @ (chance - truth) + ridge * weights
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        while (after := loss(weights - step)) > now and np.abs(step).max() > _STILL:
            step /= 2
        if after > now or np.abs(step).max() <= _STILL:
            break
        weights, now = weights - step, after
    return weights
