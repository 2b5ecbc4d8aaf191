"""Sparse matrices of learned values against dense ones, forward and backward."""

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from palate.nn.edges import Edges  # noqa: E402

pytestmark = pytest.mark.torch


def places(seed=0, share=0.4):
    rng = np.random.default_rng(seed)
    return sp.csr_array((rng.random((7, 4)) < share).astype(np.float32))


def normal(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape).astype(np.float32), requires_grad=True)


def assert_same_gradients(found, expected, *tensors):
    goal = torch.linspace(-1, 2, found.numel()).reshape(found.shape)
    for one, other in zip(
        torch.autograd.grad((found * goal).sum(), tensors),
        torch.autograd.grad((expected * goal).sum(), tensors),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_a_product_has_gradients_of_both():
    matrix = places()
    values, x = normal(matrix.nnz), normal(4, 3, seed=1)
    where = tuple(torch.from_numpy(codes).long() for codes in matrix.tocoo().coords)
    dense = torch.zeros(7, 4).index_put(where, values)
    found, expected = Edges(matrix)(values, x), dense @ x
    assert torch.allclose(found, expected, atol=1e-5)
    assert_same_gradients(found, expected, values, x)


def test_products_of_joined_rows_are_the_places_of_the_dense_product():
    matrix = places(seed=1)
    x, y = normal(7, 3), normal(4, 3, seed=1)
    where = tuple(torch.from_numpy(codes).long() for codes in matrix.tocoo().coords)
    found, expected = Edges(matrix).products(x, y), (x @ y.T)[where]
    assert torch.allclose(found, expected, atol=1e-5)
    assert_same_gradients(found, expected, x, y)


def test_shares_of_a_row_add_up_to_one_and_to_none_where_nothing_is_there():
    edges = Edges(sp.csr_array(np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0]], np.float32)))
    values = torch.tensor([1.0, 3.0, 0.0], requires_grad=True)
    shares = edges.shares(values)
    assert shares.tolist() == [0.25, 0.75, 0.0]
    (grad,) = torch.autograd.grad(shares[0], values)
    assert grad.tolist() == pytest.approx([3 / 16, -1 / 16, 0])


def test_without_any_place_there_is_nothing():
    edges = Edges(places(share=0.0))
    values, x, y = normal(0), normal(4, 3), normal(7, 3)
    out = edges(values, x)
    out.sum().backward()
    assert not out.any()
    assert not x.grad.any()
    assert edges.shares(edges.products(y, x)).shape == (0,)


def test_a_catalogue_too_long_for_a_square_is_joined():
    """Of 200,000 by 200,000 numbers, 160 GB, none but those of the places are made."""
    n = 200_000
    ring = sp.csr_array((np.ones(n, np.float32), np.roll(np.arange(n), -1), np.arange(n + 1)), shape=(n, n))
    edges, x = Edges(ring), torch.ones(n, 2, requires_grad=True)
    edges(edges.products(x, x), x).sum().backward()
    assert x.grad.eq(6.0).all()
