"""Least squares over all pairs, where the few that are stored count more than the rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from palate.core.compiled import compiled_sums
from palate.core.types import CSR, Codes, Floats
from palate.linalg.parallel import cuts_by_work, even_cuts, map_blocks

_BLOCK = 1 << 17
"""Products of one block of rows."""
_ROWS = 2048
_SHORT = 24
"""Rows of at most this many values are solved at once, by the inner products of their vectors."""


class White(NamedTuple):
    """Factors in the coordinates in which their Gram matrix plus reg I is the identity.

    Shapes:
        vectors: float32[n, f], the factors in these coordinates; root: float32[f, f], with factors @ root = vectors.
    """

    vectors: Floats
    root: Floats


def whitened(factors: Floats, reg: float, threads: int | None = None) -> White:
    """Return Y L, where L L' = (Y'Y + reg I)^-1.

    Products go block by block, so that they are the same for any number of threads.

    Raises:
        LinAlgError: reg is lost in rounding.

    Example:
        >>> whitened(np.array([[1.0], [1.0]], np.float32), 2).vectors.tolist()
        [[0.5], [0.5]]
    """
    blocks = map_blocks(lambda a, z: factors[a:z].T @ factors[a:z], even_cuts(len(factors), _ROWS), threads)
    gram = np.sum(blocks, axis=0, dtype=np.float64) if blocks else np.zeros((factors.shape[1],) * 2)
    np.einsum("ff->f", gram)[:] += reg
    root = np.linalg.cholesky(np.linalg.inv(gram)).astype(np.float32)
    if not np.isfinite(root).all():
        raise np.linalg.LinAlgError("the Gram matrix has no inverse in double precision")
    return White(turned(factors, root, threads), root)


def turned(rows: Floats, matrix: Floats, threads: int | None = None) -> Floats:
    """Return rows @ matrix, made in blocks.

    Example:
        >>> turned(np.array([[1.0, 2.0]], np.float32), np.array([[1.0], [3.0]], np.float32)).tolist()
        [[7.0]]
    """
    result = np.empty((len(rows), matrix.shape[1]), dtype=np.float32)

    def work(start: int, stop: int) -> None:
        np.matmul(rows[start:stop], matrix, out=result[start:stop])

    map_blocks(work, even_cuts(len(rows), _ROWS), threads)
    return result


def solved(
    rows: CSR, vectors: Floats, alpha: float, steps: int, near: float = 1e-6, threads: int | None = None
) -> Floats:
    """Return for each row what fits 1 where it has a value, with confidence 1 + alpha, and 0 elsewhere, with 1.

    With white vectors v the normal equations are (I + alpha sum v v') t = (1 + alpha) sum v, sums over the places of
    the row: equation 4 of Hu, Koren and Volinsky (2008) with Y'Y + reg I taken out once for all rows. Long rows are
    solved by conjugate gradients from 0 (Takacs, Pilaszy and Tikk 2011), which need few steps: no eigenvalue is outside
    1 to 1 + alpha as long as the vectors are those that were whitened. A short row is solved exactly and in less time
    by as many equations as it has values: t = (1 + alpha) sum w v, where (I + alpha V V') w = 1 (Cholesky).

    Args:
        rows: where the ones are.
        vectors: white factors of the other side.
        alpha: how much more a one counts.
        steps: at most this many.
        near: stop where the residual is this share of what it was at the start.
        threads: at most this many; None takes every core.

    Shapes:
        rows: sparse[q, n], any values; vectors: float32[n, f] -> float32[q, f], zeros for an empty row.

    Example:
        >>> from scipy.sparse import csr_array
        >>> solved(csr_array([[1.0, 0.0]]), np.array([[0.5], [0.5]], np.float32), 4, 3).tolist()
        [[1.25]]
    """
    result = np.empty((rows.shape[0], vectors.shape[1]), dtype=np.float32)
    pointer = rows.indptr.astype(np.int64)
    codes = rows.indices.astype(np.int32, copy=False)

    def work(start: int, stop: int) -> None:
        _gradients(pointer, codes, vectors, np.float32(alpha), steps, np.float32(near**2), _SHORT, start, stop, result)

    map_blocks(work, cuts_by_work(np.diff(pointer) + 1, max(1, _BLOCK // vectors.shape[1])), threads)
    return result


@compiled_sums
def _gradients(
    pointer: npt.NDArray[np.int64], codes: Codes, vectors: Floats, alpha: np.float32, steps: int, near: np.float32, short: int,
    start: int, stop: int, result: Floats,
) -> None:  # fmt: skip
    """Fill rows start to stop of the result."""
    width = vectors.shape[1]
    residual = np.empty(width, np.float32)
    way = np.empty(width, np.float32)
    image = np.empty(width, np.float32)
    system = np.empty((short, short), np.float64)
    share = np.empty(short, np.float64)
    sums = np.empty(width, np.float64)
    for row in range(start, stop):
        first, last = pointer[row], pointer[row + 1]
        found = result[row]
        found[:] = 0
        if last - first <= short:
            for one in range(last - first):
                vector = vectors[codes[first + one]]
                total = 1.0
                for two in range(one + 1):
                    other = vectors[codes[first + two]]
                    inner = 0.0
                    for f in range(width):
                        inner += np.float64(vector[f]) * np.float64(other[f])
                    rest = np.float64(alpha) * inner + (1.0 if one == two else 0.0)
                    for n in range(two):
                        rest -= system[one, n] * system[two, n]
                    system[one, two] = np.sqrt(rest) if one == two else rest / system[two, two]
                for n in range(one):
                    total -= system[one, n] * share[n]
                share[one] = total / system[one, one]
            sums[:] = 0
            for one in range(last - first - 1, -1, -1):
                for two in range(one + 1, last - first):
                    share[one] -= system[two, one] * share[two]
                share[one] /= system[one, one]
                weight = (1.0 + np.float64(alpha)) * share[one]
                vector = vectors[codes[first + one]]
                for f in range(width):
                    sums[f] += weight * vector[f]
            for f in range(width):
                found[f] = sums[f]
            continue
        residual[:] = 0
        for place in range(first, last):
            vector = vectors[codes[place]]
            for f in range(width):
                residual[f] += vector[f]
        size = np.float32(0)
        for f in range(width):
            residual[f] *= np.float32(1) + alpha
            way[f] = residual[f]
            size += residual[f] * residual[f]
        enough = near * size
        for _ in range(steps):
            if size <= enough:
                break
            for f in range(width):
                image[f] = way[f]
            for place in range(first, last):
                vector = vectors[codes[place]]
                along = np.float32(0)
                for f in range(width):
                    along += vector[f] * way[f]
                along *= alpha
                for f in range(width):
                    image[f] += along * vector[f]
            bend = np.float32(0)
            for f in range(width):
                bend += way[f] * image[f]
            stride = size / bend
            left = np.float32(0)
            for f in range(width):
                found[f] += stride * way[f]
                residual[f] -= stride * image[f]
                left += residual[f] * residual[f]
            turn = left / size
            for f in range(width):
                way[f] = residual[f] + turn * way[f]
            size = left
