"""Rows of a table: those asked for, and gradients that are the same each time whatever the number of cores."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from palate.nn.rows import rows  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_rows_and_their_gradients_are_those_of_indexing_on_one_core_and_the_same_on_two(threads):
    rng = np.random.default_rng(0)
    codes = torch.from_numpy(rng.integers(50, size=(2048, 3)))
    goal = torch.from_numpy(rng.normal(size=(2048, 3, 64)).astype(np.float32))
    table = torch.from_numpy(rng.normal(size=(50, 64)).astype(np.float32)).requires_grad_()
    found = rows(table, codes)
    assert torch.equal(found, table[codes])
    expected = np.zeros((50, 64), np.float32)
    np.add.at(expected, codes.numpy(), goal.numpy())
    for _ in range(20):
        (grad,) = torch.autograd.grad((rows(table, codes) * goal).sum(), table)
        assert np.array_equal(grad.numpy(), expected)


def test_one_number_and_none_are_shapes_too():
    table = torch.arange(6.0)
    assert rows(table, torch.tensor([[1, 5]])).tolist() == [[1.0, 5.0]]
    assert rows(table.view(3, 2), torch.zeros((4, 0), dtype=torch.long)).shape == (4, 0, 2)
