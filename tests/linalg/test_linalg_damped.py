import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.linalg import damped
from palate.linalg.damped import Side, damped_products


def some(rows, columns, seed, share=0.2):
    """Small whole numbers, so that ties are many and sums exact."""
    rng = np.random.default_rng(seed)
    return sp.csr_array(
        np.where(rng.random((rows, columns)) < share, rng.integers(1, 4, (rows, columns)), 0), dtype="f4"
    )


def sides(rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    return [Side(rng.integers(1, 3, n).astype(np.float32), rng.integers(0, 5, n)) for n in (rows, columns)]


def by_definition(left, right, rows, columns, shrink, best):
    """The same with dense matrices and a full sort of each row."""
    result = (left.toarray() @ right.toarray()) / (np.outer(rows.length, columns.length) + np.float32(shrink))
    result[rows.key[:, None] == columns.key] = 0
    for row in result:
        order = np.lexsort((np.arange(len(row)), -row))
        row[order[best or len(row) :]] = 0
    return result


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(0, 12), st.integers(1, 20), st.integers(0, 25), st.integers(0, 5))
def test_equals_the_definition_whatever_the_shape(n, d, m, best, seed):
    left, right = some(n, d, seed), some(d, m, seed + 1)
    rows, columns = sides(n, m, seed)
    found = damped_products(left, right, rows, columns, shrink=1, best=best)
    assert found.shape == (n, m)
    assert found.dtype == np.float32
    assert (found.data > 0).all()
    assert np.allclose(found.toarray(), by_definition(left, right, rows, columns, 1, best))
    assert best == 0 or np.diff(found.indptr).max(initial=0) <= best


@pytest.mark.parametrize("best", [0, 1, 7, 1000])
def test_neither_threads_nor_blocks_change_a_bit(monkeypatch, best):
    left, right = some(200, 60, 0), some(60, 150, 1)
    rows, columns = sides(200, 150)
    ways = []
    for threads, block in ((1, 1 << 21), (4, 1 << 21), (3, 500), (4, 1)):
        monkeypatch.setattr(damped, "_BLOCK", block)
        ways.append(damped_products(left, right, rows, columns, shrink=2, best=best, threads=threads))
    for way in ways[1:]:
        for part in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(way, part), getattr(ways[0], part))


def test_the_cut_is_by_the_damped_value():
    left, right = sp.csr_array(np.ones((1, 1), "f4")), sp.csr_array(np.array([[9, 8]], "f4"))
    rows, columns = Side(np.ones(1, "f4"), np.array([-1])), Side(np.array([9, 1], "f4"), np.arange(2))
    found = damped_products(left, right, rows, columns, shrink=0, best=1)
    assert found.toarray().tolist() == [[0, 8]]


def test_stored_zeros_and_repeated_places_are_harmless():
    left = sp.csr_array((np.array([0, 2, 0], "f4"), np.array([0, 1, 1]), np.array([0, 1, 3])), shape=(2, 2))
    right = sp.csr_array((np.array([1, 0, 3, 3], "f4"), np.array([0, 1, 0, 0]), np.array([0, 2, 4])), shape=(2, 2))
    rows, columns = Side(np.ones(2, "f4"), np.array([-1, -1])), Side(np.ones(2, "f4"), np.arange(2))
    found = damped_products(left, right, rows, columns, shrink=0, best=2)
    assert found.toarray().tolist() == [[0, 0], [12, 0]]
    assert found.nnz == 1


def test_wide_pointers_are_read_as_they_are():
    left, right = some(30, 20, 2), some(20, 30, 3)
    rows, columns = sides(30, 30)
    narrow = damped_products(left, right, rows, columns, shrink=1, best=4)
    for matrix in (left, right):
        matrix.indptr, matrix.indices = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    wide = damped_products(left, right, rows, columns, shrink=1, best=4)
    assert np.array_equal(narrow.toarray(), wide.toarray())


def test_equal_values_by_the_thousand_keep_the_lower_columns():
    left, right = sp.csr_array(np.ones((3, 1), "f4")), sp.csr_array(np.ones((1, 5000), "f4"))
    rows, columns = Side(np.ones(3, "f4"), np.array([-1, 0, 4999])), Side(np.ones(5000, "f4"), np.arange(5000))
    found = damped_products(left, right, rows, columns, shrink=0, best=10)
    assert [sorted(found[[row]].indices.tolist()) for row in range(3)] == [[*range(10)], [*range(1, 11)], [*range(10)]]
