import numpy as np
import pytest
import scipy.sparse as sp

from palate.linalg.confidence import solved, whitened


@pytest.fixture
def factors():
    return np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)


def some_rows(n_rows, n_columns, share, seed=1):
    stored = np.random.default_rng(seed).random((n_rows, n_columns)) < share
    stored[0] = False
    return sp.csr_array(stored.astype(np.float32))


def by_definition(rows, factors, alpha, reg):
    """Equation 4 of the paper, one dense system a row, in double precision."""
    factors = factors.astype(np.float64)
    found = []
    for row in rows.toarray():
        confidence = 1 + alpha * row
        system = factors.T @ (confidence[:, None] * factors) + reg * np.eye(factors.shape[1])
        found.append(np.linalg.solve(system, factors.T @ (confidence * row)))
    return np.array(found)


def test_white_factors_have_the_identity_for_a_gram_matrix(factors):
    white = whitened(factors, 3.0)
    gram = white.root.T @ (factors.T @ factors + 3 * np.eye(6)) @ white.root
    assert np.allclose(gram, np.eye(6), atol=1e-5)
    assert np.allclose(white.vectors, factors @ white.root, atol=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 10.0, 400.0])
@pytest.mark.parametrize("share", [0.04, 0.5])
def test_the_solution_is_that_of_the_dense_equations(factors, alpha, share):
    rows = some_rows(20, 50, share)
    white = whitened(factors, 2.0)
    found = solved(rows, white.vectors, alpha, 100) @ white.root.T
    assert np.allclose(found, by_definition(rows, factors, alpha, 2.0), rtol=1e-4, atol=2e-6)
    assert not found[0].any()


def test_a_few_steps_are_near_for_long_rows_and_short_ones_need_none(factors):
    rows = some_rows(20, 50, 0.9)
    white = whitened(factors, 2.0)
    exact = by_definition(rows, factors, 10, 2.0)
    errors = [np.abs(solved(rows, white.vectors, 10, steps) @ white.root.T - exact).max() for steps in (1, 3, 6)]
    assert errors[0] > 4 * errors[1] > 4 * errors[2]
    for length in (1, 2, 23, 24, 25):
        one = sp.csr_array(np.ones((1, 50), np.float32)[:, :] * (np.arange(50) < length))
        steps = 0 if length <= 24 else 100
        found = solved(one, white.vectors, 10, steps) @ white.root.T
        assert np.allclose(found, by_definition(one, factors, 10, 2.0), rtol=1e-4, atol=1e-6), length


def test_threads_change_nothing(factors):
    rows = some_rows(3000, 50, 0.3)
    vectors = whitened(factors, 2.0).vectors
    assert np.array_equal(solved(rows, vectors, 10, 3, threads=1), solved(rows, vectors, 10, 3, threads=2))
