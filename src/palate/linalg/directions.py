"""The directions in which rows vary most."""

from __future__ import annotations

import numpy as np

from palate.core.types import Doubles, Floats


def main_directions(rows: Floats | Doubles, width: int) -> tuple[Doubles, Doubles]:
    """Return the orthonormal directions in which rows vary most, the largest first, and the mean square along each.

    Each direction points to where its largest number is positive, so that it is the same on every machine.

    Shapes:
        rows: float32 or float64[n, d] -> float64[d, k], float64[k], k the least of d and `width`.
    """
    gram = rows.astype(np.float64).T @ rows.astype(np.float64) / max(len(rows), 1)
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:width], vectors[:, ::-1][:, :width]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return vectors * np.where(signs == 0, 1, signs), np.maximum(values, 0)
