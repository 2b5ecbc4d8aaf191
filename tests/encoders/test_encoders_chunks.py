"""Long texts in chunks: what the cuts are, and what their mean is, worked by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from palate.core.errors import ConfigError
from palate.encoders._chunks import pool_chunks, split_tokens


def test_a_short_text_is_one_chunk_and_an_empty_one_none() -> None:
    assert split_tokens([7, 8], longest=4, overlap=2) == [[7, 8]]
    assert split_tokens([7, 8, 9, 1], longest=4, overlap=2) == [[7, 8, 9, 1]]
    assert split_tokens([7], longest=4, overlap=3) == [[7]]
    assert split_tokens([], longest=4, overlap=2) == []


@pytest.mark.parametrize("overlap", [0, 1, 3, 6])
@pytest.mark.parametrize("length", [1, 6, 7, 8, 13, 14, 15, 100])
def test_chunks_cover_everything_once_but_the_overlap(length: int, overlap: int) -> None:
    chunks = split_tokens(range(length), longest=7, overlap=overlap)
    assert chunks[0] + [token for chunk in chunks[1:] for token in chunk[overlap:]] == list(range(length))
    assert all(len(chunk) == 7 for chunk in chunks[:-1])
    for before, after in pairwise(chunks):
        assert before[7 - overlap :] == after[:overlap]
        assert len(after) > overlap


@pytest.mark.parametrize("overlap", [-1, 4, 5])
def test_an_overlap_that_cannot_be_is_refused(overlap: int) -> None:
    with pytest.raises(ConfigError, match="allowed is 0 to 3"):
        split_tokens([1, 2, 3, 4, 5], longest=4, overlap=overlap)


def test_the_mean_is_weighted_by_tokens_and_of_unit_length() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 2]], dtype=np.float32)
    pooled = pool_chunks(vectors, tokens=[30, 40, 5], text=[0, 0, 1])
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, [[0.6, 0.8], [0, 1]], rtol=1e-6)


def test_chunks_that_cancel_out_have_no_direction() -> None:
    pooled = pool_chunks(np.array([[1, 0], [-1, 0], [1, 1]], dtype=np.float32), tokens=[3, 3, 9], text=[0, 0, 1])
    assert np.isnan(pooled[0]).all()
    assert np.isfinite(pooled[1]).all()
