import numpy as np
import pytest

from palate.core.memory import PeakMemory
from palate.linalg.neighbours import nearest, unit_rows


def brute(vectors, present, k, candidates):
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    cosines = (units @ units.T).astype(np.float64)
    np.fill_diagonal(cosines, -np.inf)
    cosines[:, ~(present & candidates)] = -np.inf
    cosines[~present] = -np.inf
    dense = np.zeros_like(cosines)
    for row, values in enumerate(cosines):
        best = [code for code in np.argsort(-values, kind="stable")[:k] if values[code] > -np.inf]
        dense[row, best] = values[best]
    return dense


@pytest.mark.parametrize("memory_mb", [0, 64])
@pytest.mark.parametrize("restricted", [False, True])
def test_equals_all_cosines_sorted(memory_mb, restricted):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(70, 6)).astype(np.float32)
    present = rng.random(70) < 0.8
    candidates = rng.random(70) < 0.5 if restricted else np.ones(70, bool)
    given = candidates if restricted else None
    graph = nearest(vectors, present, 4, candidates=given, memory_mb=memory_mb)
    assert np.allclose(graph.toarray(), brute(vectors, present, 4, candidates), atol=1e-6)
    assert (np.diff(graph.indptr)[present] == 4).all()


def test_absent_rows_are_never_read_and_have_no_neighbours():
    vectors = np.array([[1, 0], [np.nan, np.inf], [1, 0.1], [0, 1]], np.float32)
    graph = nearest(vectors, np.array([True, False, True, True]), 3)
    assert np.diff(graph.indptr).tolist() == [2, 0, 2, 2]
    assert 1 not in graph.indices
    assert np.isfinite(graph.data).all()


def test_equal_cosines_take_the_lower_row():
    vectors = np.array([[1, 0], [2, 0], [3, 0], [4, 0]], np.float32)
    assert nearest(vectors, np.ones(4, bool), 1).indices.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("n", [0, 1])
def test_nobody_has_no_neighbour(n):
    graph = nearest(np.ones((n, 3), np.float32), np.ones(n, bool), 5)
    assert graph.shape == (n, n)
    assert graph.nnz == 0


def test_a_row_of_zeros_stays_and_small_numbers_do_not_vanish():
    rows = unit_rows(np.array([[0, 0], [1e-30, 0]], np.float32))
    assert rows.tolist() == [[0, 0], [1, 0]]


def test_memory_is_bounded():
    vectors = np.random.default_rng(0).normal(size=(12_000, 8)).astype(np.float32)
    with PeakMemory() as memory:
        nearest(vectors, np.ones(len(vectors), bool), 5, memory_mb=16)
    whole = 4 * len(vectors) ** 2 / (1 << 20)
    assert memory.peak_mb < whole / 4
