"""Sparse operators against dense ones, forward and backward."""

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from palate.nn.graph import Operator, bipartite  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("symmetric", [True, False])
def test_products_and_gradients_are_those_of_the_dense_matrix(symmetric):
    rng = np.random.default_rng(0)
    dense = (rng.random((7, 7 if symmetric else 4)) * (rng.random((7, 7 if symmetric else 4)) < 0.4)).astype(np.float32)
    dense = dense + dense.T if symmetric else dense
    values = torch.tensor(rng.normal(size=(dense.shape[1], 3)).astype(np.float32))
    goal = torch.tensor(rng.normal(size=(7, 3)).astype(np.float32))
    grads = []
    for product in (Operator(sp.csr_array(dense), symmetric=symmetric), lambda x: torch.tensor(dense) @ x):
        x = values.clone().requires_grad_()
        loss = (product(product(x) if symmetric else x) * goal).sum()
        loss.backward()
        grads.append((loss.item(), x.grad))
    assert grads[0][0] == pytest.approx(grads[1][0], rel=1e-5)
    torch.testing.assert_close(grads[0][1], grads[1][1])


def test_the_graph_of_likes_is_symmetric_and_damped():
    liked = sp.csr_array(np.array([[1, 1, 0], [0, 1, 0]], np.float32))
    graph = bipartite(liked).toarray()
    assert np.array_equal(graph, graph.T)
    assert graph[0, 2:].tolist() == pytest.approx([1 / np.sqrt(2), 1 / 2, 0])
    assert graph[1, 2:].tolist() == pytest.approx([0, 1 / np.sqrt(2), 0])
    assert not graph[4].any()


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("hops", [0, 1, 3])
def test_the_mean_of_hops_and_its_gradient_are_those_of_the_dense_matrix(symmetric, hops):
    rng = np.random.default_rng(1)
    dense = (rng.random((6, 6)) * (rng.random((6, 6)) < 0.5)).astype(np.float32)
    dense = dense + dense.T if symmetric else dense
    values, goal = (torch.tensor(rng.normal(size=(6, 3)).astype(np.float32)) for _ in range(2))
    operator = Operator(sp.csr_array(dense), symmetric=symmetric)
    x, y = values.clone().requires_grad_(), values.clone().requires_grad_()
    found = operator.averaged(x, hops)
    expected = sum(torch.linalg.matrix_power(torch.tensor(dense), n) @ y for n in range(hops + 1)) / (hops + 1)
    torch.testing.assert_close(found, expected)
    (found * goal).sum().backward()
    (expected * goal).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
