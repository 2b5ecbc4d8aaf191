"""What is known of interactions, gathered by item or by user: the reviews of an item become a part of the item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.errors import DataError
from palate.core.fingerprint import fingerprint
from palate.core.progress import progress
from palate.core.types import Floats
from palate.data.features import FeatureTable, Of
from palate.data.lazy import BLOCK

if TYPE_CHECKING:
    from palate.data.dataset import Dataset

_MANY = 200_000


def pooled(data: Dataset, name: str, to: Of = "items", *, weighted: bool = False) -> FeatureTable:
    """Return a part of interactions as a part of their items or of their users.

    v_i = sum over the present rows r of i of w_r v_r / sum of w_r, with w = 1, or the weight of the interaction where
    `weighted` (rows of weight 0 or less then count nothing).

    Only the interactions of `data` are read. So a model that pools what it is fitted on knows nothing of the test;
    pool the training part of a split, never the whole dataset before it is cut.

    Args:
        data: with the part `name`, of interactions.
        name: as in interactions.text.
        to: items or users.
        weighted: whether a heavier interaction counts more.

    Shapes:
        float32[n interactions, d] -> float32[n items or users, d]; rows are read in blocks.
    Missing data:
        A row is present where at least one row of the log that counts is.
    Raises:
        DataError: the part is not of interactions, or `to` is neither items nor users.
    """
    part = data.part(name)
    if part.of != "interactions" or to not in ("items", "users"):
        raise DataError(
            f"the part '{name}' is of {part.of} and was to be pooled to {to}: parts of interactions can be, to items or users"
        )
    codes, size = (
        (data.interactions.item, len(data.items)) if to == "items" else (data.interactions.user, len(data.users))
    )
    weight = data.interactions.weight if weighted else np.ones(len(codes), np.float32)
    rows = np.flatnonzero(part.present & (weight > 0))
    mass = np.bincount(codes[rows], weight[rows], size)
    total = np.zeros((size, part.dim), np.float32)
    with progress(f"pooling {name}" if len(rows) > _MANY else None, len(rows), "rows") as advance:
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            values = part.values[block]
            if not np.isfinite(values).all():
                raise DataError(
                    f"the part '{name}' holds NaN or infinite values in rows marked present: encode it again"
                )
            owners, place = np.unique(codes[block], return_inverse=True)
            total[owners] += _sums(values, place, weight[block], len(owners))
            advance(len(block))
    present = mass > 0
    total[present] /= mass[present, None].astype(np.float32)
    source = fingerprint("pooled", part.source, to, weighted, codes[rows], weight[rows])
    return FeatureTable(total, present, source, to, part.modality, part.encoder, standardised=part.standardised)


def _sums(values: Floats, place: npt.NDArray[np.int64], weight: Floats, n: int) -> Floats:
    matrix = sp.csr_array((weight, (place, np.arange(len(place)))), shape=(n, len(place)))
    return np.asarray(matrix @ values, dtype=np.float32)
