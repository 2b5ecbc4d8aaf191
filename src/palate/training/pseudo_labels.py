"""Likes that content supposes of people of whom little is known, for training alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from palate.core.errors import ConfigError, DataError
from palate.core.progress import track
from palate.core.types import CSR, Floats, Mask
from palate.data.dataset import Dataset
from palate.linalg.neighbours import unit_rows
from palate.linalg.products import index_pointer
from palate.linalg.standard import Standard, trained_rows
from palate.linalg.topk import top_k


def pseudo_labels(
    train: Dataset, n: int, *, most_likes: int = 3, parts: tuple[str, ...] | None = None, memory_mb: int = 64
) -> Dataset:
    """Return the training data where people with few likes like the items, too, that are nearest to these by content.

    Who has 1 to `most_likes` likes gets the n items of the highest cosine to the mean of what they liked, among those that somebody
    likes and they have not met; parts are standardised, of length one each, and side by side (pseudo-labels after Lee 2013, with
    likeness of content for the model that labels). A model that is fitted on it learns from them as from likes; what people have met,
    and the history by which they are asked about, stay what they were (see `Dataset.supposed`). A test split has no part in it.

    Args:
        train: the training part of a split, or all there is.
        n: how many items each of these people gets, at most: only those of a cosine above 0.
        most_likes: who has more keeps to them.
        parts: names of the parts of items to look at; None takes all.
        memory_mb: bound on the block of cosines held at a time.

    Missing data:
        An item that lacks a part is compared by the others; one without any is nobody's, and who likes none but such gets none.
    Raises:
        ConfigError: n or most_likes is below 1.
        DataError: items have no parts, or no item has any of those.

    Example:
        >>> from palate.data.frames import from_frames
        >>> import polars as pl
        >>> events = pl.DataFrame({"user_id": ["a", "b", "c"], "item_id": ["x", "y", "z"]})
        >>> from palate.data.features import features_of
        >>> look = features_of(np.array([[1], [0.9], [-1]], np.float32))
        >>> data = pseudo_labels(from_frames(events).with_features(look=look), 1)
        >>> data.supposed.toarray().tolist()
        [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    for name, value in (("n", n), ("most_likes", most_likes)):
        if value < 1:
            raise ConfigError(f"{name} was {value}: it must be at least 1")
    units, present = _placed(train, parts)
    history, seen = train.history, train.seen
    counts = np.diff(history.indptr)
    users = np.flatnonzero((counts > 0) & (counts <= most_likes))
    items = np.flatnonzero(present & (np.bincount(history.indices, minlength=len(present)) > 0))
    targets, met = units[items], seen[:, items]
    rows = max(1, (memory_mb << 20) // (4 * max(1, len(items))))
    degree, found = np.zeros(len(train.users), np.int64), []
    for start in track(list(range(0, len(users), rows)), "pseudo-labels", unit="blocks"):
        block = users[start : start + rows]
        cosines = unit_rows(history[block] @ units) @ targets.T
        cosines[cosines <= 0] = np.nan
        cosines[met[block].tocoo().coords] = np.nan
        best = top_k(cosines, n).items
        degree[block] = (best >= 0).sum(axis=1)
        found.append(np.sort(items[best[best >= 0]] + len(present) * np.nonzero(best >= 0)[0]) % len(present))
    indices = np.concatenate(found).astype(np.int32) if found else np.zeros(0, np.int32)
    supposed: CSR = sp.csr_array(
        (np.ones(len(indices), np.float32), indices, index_pointer(degree)), shape=(len(train.users), len(present))
    )
    return replace(train, supposed=supposed)


def _placed(train: Dataset, names: tuple[str, ...] | None) -> tuple[Floats, Mask]:
    """Return the parts of items side by side, float32[n, d] of length one, and which items have any, bool[n]."""
    parts, trained = train.item_parts(names), trained_rows(train, "items")
    present = np.any([table.present for table in parts.values()], axis=0)
    if not present.any():
        raise DataError(f"no item has any of the parts {', '.join(parts)}: pseudo-labels go by content, so encode some")
    rows = [Standard.of(table, trained).units(table.values, table.present) for table in parts.values()]
    return unit_rows(np.concatenate(rows, axis=1)), np.asarray(present)
