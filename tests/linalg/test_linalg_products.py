import numpy as np
import pytest
import scipy.sparse as sp

from palate.linalg import products as module
from palate.linalg.products import dense_product, index_pointer, products


def pair(seed=0):
    rng = np.random.default_rng(seed)
    left = sp.csr_array((rng.random((23, 40)) < 0.2).astype(np.float32))
    right = sp.csr_array(np.where(rng.random((40, 31)) < 0.3, rng.normal(size=(40, 31)), 0).astype(np.float32))
    return left, right


@pytest.mark.parametrize("heavy", [0, 1 << 40])
@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_light_and_heavy_rows_give_the_same_product(monkeypatch, heavy, block):
    monkeypatch.setattr(module, "_HEAVY", heavy)
    monkeypatch.setattr(module, "_BLOCK", block)
    left, right = pair()
    assert np.allclose(dense_product(left, right), left.toarray() @ right.toarray(), atol=1e-5)


def test_values_that_cancel_out_leave_a_zero():
    left = sp.csr_array(np.ones((3, 2), np.float32))
    right = sp.csr_array(np.array([[1, 2], [-1, 2]], np.float32))
    assert dense_product(left, right).tolist() == [[0, 4]] * 3


def test_counts_products():
    left, right = pair()
    assert products(left, right).tolist() == ((left != 0).astype(int) @ (right != 0).astype(int).sum(axis=1)).tolist()


def test_a_pointer_is_narrow_where_it_can_be():
    assert index_pointer(np.array([3])).dtype == np.int32
    assert index_pointer(np.array([1 << 31])).dtype == np.int64
