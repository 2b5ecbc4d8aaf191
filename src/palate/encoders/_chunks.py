"""Texts that are longer than a model reads: cut into overlapping chunks, their vectors averaged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from palate.core.errors import ConfigError
from palate.core.types import Floats


def split_tokens(ids: Sequence[int], longest: int, overlap: int) -> list[list[int]]:
    """Cut token ids into chunks of at most `longest`, each beginning with the last `overlap` ids of the one before.

    The last chunk may be shorter, but never lies wholly within the one before. Marks such as [CLS] and [SEP] are not
    among the ids: the caller adds them to each chunk, and leaves room for them.

    Missing data:
        No ids give no chunk.
    Raises:
        ConfigError: there is an overlap below 0, or one that leaves a chunk nothing of its own.

    Example:
        >>> split_tokens([1, 2, 3, 4, 5, 6, 7], longest=4, overlap=1)
        [[1, 2, 3, 4], [4, 5, 6, 7]]
        >>> split_tokens([1, 2, 3, 4, 5], longest=4, overlap=2)
        [[1, 2, 3, 4], [3, 4, 5]]
    """
    if not 0 <= overlap < longest:
        raise ConfigError(f"chunks of {longest} tokens cannot overlap by {overlap}: allowed is 0 to {longest - 1}")
    starts = range(0, max(len(ids) - overlap, min(len(ids), 1)), longest - overlap)
    return [list(ids[start : start + longest]) for start in starts]


def pool_chunks(vectors: Floats, tokens: Sequence[int], text: Sequence[int]) -> Floats:
    """Return the mean of each text's chunk vectors, weighted by their numbers of tokens, at unit length.

    Shapes:
        vectors: float32[c, d], one a chunk; tokens: c counts; text: for each chunk the number of its text, rising from
        0 without a gap -> float32[texts, d].
    Missing data:
        A text whose chunks cancel out has no direction: its row is NaN.
    """
    first = np.flatnonzero(np.diff(text, prepend=-1))
    summed = np.add.reduceat(vectors.astype(np.float64) * np.asarray(tokens, np.float64)[:, None], first, axis=0)
    lengths = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.where(lengths > 0, summed / np.where(lengths > 0, lengths, 1.0), np.nan).astype(np.float32)
