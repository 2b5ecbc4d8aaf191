import numpy as np
import pytest
import scipy.sparse as sp

from palate.core.memory import PeakMemory
from palate.linalg import ridge
from palate.linalg.ridge import ridge_inverse, ridge_megabytes


@pytest.mark.parametrize("shape", [(90, 30), (10, 60), (30, 30), (1, 1), (3, 700)])
def test_equals_the_inverse_in_double_precision(shape):
    dense = (np.random.default_rng(0).random(shape) < 0.3).astype(np.float32)
    expected = np.linalg.inv(dense.T.astype(np.float64) @ dense + 2 * np.eye(shape[1]))
    inverse = ridge_inverse(sp.csr_array(dense), 2)
    assert inverse.dtype == np.float32
    assert np.allclose(inverse, expected, atol=1e-5)


@pytest.mark.parametrize("rows", [0, 7])
def test_both_roads_lead_to_the_same_inverse(rows):
    rng = np.random.default_rng(1)
    matrix = sp.csr_array((rng.random((200, 350)) < 0.1).astype(np.float32))
    dense = rng.normal(size=(rows, 350)).astype(np.float32)
    assert np.allclose(ridge._tall(matrix, dense, 5, None), ridge._wide(matrix, dense, 5, None), atol=1e-5)


@pytest.mark.parametrize("shape", [(90, 30), (5, 60)])
def test_dense_rows_count_as_if_they_stood_in_the_matrix(shape):
    rng = np.random.default_rng(2)
    rows = [(rng.random(shape) < 0.3).astype(np.float32), rng.normal(size=(4, shape[1])).astype(np.float32)]
    together = ridge_inverse(sp.csr_array(np.concatenate(rows)), 3)
    np.testing.assert_allclose(ridge_inverse(sp.csr_array(rows[0]), 3, dense=rows[1]), together, atol=1e-5)


def test_takes_as_much_memory_as_it_says():
    matrix = sp.random_array((4000, 2500), density=0.002, rng=np.random.default_rng(0), dtype=np.float32).tocsr()
    ridge_inverse(matrix[:, :50], 5)
    with PeakMemory(every=0.001) as memory:
        ridge_inverse(sp.csr_array(matrix), 5)
    assert memory.peak_mb < 1.5 * ridge_megabytes(*matrix.shape) + 20
