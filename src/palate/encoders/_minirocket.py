"""MiniRocket: a fixed set of convolutions, and how often the output of each is above a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats

KERNELS = 84
LENGTH = 9
_MOST_DILATIONS = 32
_GOLDEN = (np.sqrt(5) + 1) / 2


@cache
def placements() -> npt.NDArray[np.int64]:
    """Return where each kernel has its three weights of 2, int64[84, 3]; its other six are -1, so that they sum to 0."""
    return np.array(list(combinations(range(LENGTH), 3)), np.int64)


@dataclass(frozen=True)
class Plan:
    """With which dilations the kernels are used, and how many features each kernel has with each of them."""

    dilations: tuple[int, ...]
    shares: tuple[int, ...]

    @classmethod
    def of(cls, length: int, features: int) -> Plan:
        """Return the plan for series of about this length.

        Dempster, Schmidt and Webb 2021, section 3.2.3: floor(2^x), x evenly from 0 to log2((length - 1) / 8), at most 32 of
        them; those that are equal after rounding are one with more features. All 84 kernels have the same number.
        """
        each = features // KERNELS
        count = min(each, _MOST_DILATIONS)
        top = np.log2(max(length - 1, LENGTH - 1) / (LENGTH - 1))
        steps, times = np.unique(np.logspace(0, top, count, base=2).astype(np.int64), return_counts=True)
        shares = (times * (each / count)).astype(np.int64)
        for place in range(each - int(shares.sum())):
            shares[place % len(shares)] += 1
        return cls(tuple(steps.tolist()), tuple(shares.tolist()))


def convolved(series: Floats, dilation: int) -> Floats:
    """Return the output of every kernel, with zeros before and after the series: float32[84, n] of float32[n].

    A kernel is three times the sum over the places of its 2s, less the sum over all nine, so that nine shifted copies of
    the series serve all kernels.
    """
    n, half = len(series), (LENGTH // 2) * dilation
    padded = np.pad(series, half)
    shifted = np.stack([padded[place * dilation : place * dilation + n] for place in range(LENGTH)])
    twos = placements()
    return np.asarray(3 * (shifted[twos[:, 0]] + shifted[twos[:, 1]] + shifted[twos[:, 2]]) - shifted.sum(axis=0))


def fit_biases(sample: Sequence[Floats], plan: Plan, rng: np.random.Generator) -> Floats:
    """Return the levels that outputs are compared with: quantiles of the output of each kernel on a series that is drawn.

    Section 3.2.4; the quantiles are multiples of the golden ratio without their whole part, which fill 0 to 1 evenly.

    Shapes:
        k series of any lengths -> float32[84 * sum of shares], by dilation, then kernel.
    """
    levels = np.arange(1, KERNELS * sum(plan.shares) + 1) * _GOLDEN % 1
    found, start = [], 0
    for dilation, share in zip(plan.dilations, plan.shares, strict=True):
        drawn = rng.integers(len(sample), size=KERNELS).tolist()
        outputs = {place: convolved(sample[place], dilation) for place in set(drawn)}
        for kernel, place in enumerate(drawn):
            found.append(np.quantile(outputs[place][kernel], levels[start : start + share]))
            start += share
    return np.concatenate(found).astype(np.float32)


def proportions(series: Floats, biases: Floats, plan: Plan) -> Floats:
    """Return the share of each output that is above its level (PPV): float32[f] of float32[n].

    Half of the pairs of kernel and dilation look at the whole output, and half only at where no padding was touched, if
    there is such a place (section 3.2.2).
    """
    found, start = [], 0
    for order, (dilation, share) in enumerate(zip(plan.dilations, plan.shares, strict=True)):
        outputs = convolved(series, dilation)
        levels = biases[start : start + KERNELS * share].reshape(KERNELS, share, 1)
        start += KERNELS * share
        above, half = outputs[:, None, :] > levels, (LENGTH // 2) * dilation
        inner = above[..., half : len(series) - half] if len(series) > 2 * half else above
        whole = (np.arange(KERNELS) + order) % 2 == 0
        found.append(np.where(whole[:, None], above.mean(axis=2), inner.mean(axis=2)).ravel())
    return np.concatenate(found).astype(np.float32)
