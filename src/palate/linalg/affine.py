"""A ridge map from rows to rows, with a constant."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg as sla

from palate.core.types import Floats


class Affine(NamedTuple):
    """y = (x - middle) weights + constant.

    Shapes:
        middle: float32[d]; weights: float32[d, f]; constant: float32[f].
    """

    middle: Floats
    weights: Floats
    constant: Floats

    def __call__(self, rows: Floats) -> Floats:
        """Return the images of rows; float32[n, d] -> float32[n, f]."""
        return np.asarray((rows - self.middle) @ self.weights + self.constant, dtype=np.float32)


def ridge_map(rows: Floats, targets: Floats, reg: float, weight: Floats | None = None) -> Affine:
    """Return the affine map of the least sum of w |y - map(x)|^2 + reg |weights|^2; the constant is not held small.

    Args:
        rows: x.
        targets: y.
        reg: how small the weights are held.
        weight: how much each row counts, brought to a mean of 1; None counts all alike.

    Shapes:
        rows: float32[n, d]; targets: float32[n, f]; weight: float32[n], above 0; n > 0.

    Example:
        >>> double = ridge_map(np.array([[1.0], [3.0]], np.float32), np.array([[2.0], [6.0]], np.float32), 1e-6)
        >>> double(np.array([[5.0]], np.float32)).round(3).tolist()
        [[10.0]]
    """
    share = np.ones(len(rows), np.float32) if weight is None else (weight / weight.mean()).astype(np.float32)
    middle, constant = (np.average(values, axis=0, weights=share).astype(np.float32) for values in (rows, targets))
    root = np.sqrt(share)[:, None]
    centred, rest = root * (rows - middle), root * (targets - constant)
    tall = rows.shape[0] >= rows.shape[1]
    gram = (centred.T @ centred if tall else centred @ centred.T).astype(np.float64)
    np.einsum("nn->n", gram)[:] += reg
    if tall:
        weights = sla.solve(gram, centred.T @ rest, assume_a="pos", overwrite_a=True)
    else:
        weights = centred.T @ sla.solve(gram, rest, assume_a="pos", overwrite_a=True)
    return Affine(middle, np.asarray(weights, dtype=np.float32), constant)
