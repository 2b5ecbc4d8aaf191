"""Sparse matrices whose values are learned: what gradients go back to is the value of each place."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from palate.core.types import CSR
from palate.nn._torch import Tensor, torch
from palate.nn.graph import multiply
from palate.nn.precision import exact


class Edges:
    """The places of a sparse matrix A; their values come as a tensor.

    Nothing of size n x m is made: the gradient of a value is the product of the two rows that its place joins, and that of
    such products is a sparse product again.

    Shapes:
        places: sparse[n, m], its columns in order; values: float32[e], as `places` stores its own, which do not matter.
    """

    def __init__(self, places: CSR, device: str = "cpu") -> None:
        order = np.arange(places.nnz, dtype=np.int64)
        turned = sp.csr_array(sp.csr_array((order, places.indices, places.indptr), shape=places.shape).T.tocsr())
        self.rows = torch.from_numpy(np.repeat(np.arange(places.shape[0]), np.diff(places.indptr))).to(device)
        self.columns = torch.from_numpy(places.indices.astype(np.int64)).to(device)
        self._order = torch.from_numpy(turned.data).to(device)
        self._forward, self._backward = (
            (*(torch.from_numpy(codes.astype(np.int32)).to(device) for codes in (one.indptr, one.indices)), one.shape)
            for one in (places, turned)
        )

    def __call__(self, values: Tensor, x: Tensor) -> Tensor:
        """Return A x; float32[e] and float32[m, d] -> float32[n, d]."""
        with exact(x):
            return _functions()[0].apply(values.float(), x.float(), self)

    def products(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the product of the rows that each place joins; float32[n, d] and float32[m, d] -> float32[e]."""
        with exact(x):
            return _functions()[1].apply(x.float(), y.float(), self)

    def shares(self, values: Tensor) -> Tensor:
        """Return values, none below 0, over the sum of their row; 0 where all of a row are."""
        sums = values.new_zeros(self._forward[2][0]).index_add(0, self.rows, values)
        return values / sums.clamp(min=1e-12).index_select(0, self.rows)

    def spread(self, values: Tensor, x: Tensor) -> Tensor:
        """Return A x, where no gradient is asked for."""
        return multiply(_matrix(self._forward, values), x)

    def gathered(self, values: Tensor, x: Tensor) -> Tensor:
        """Return A^T x, where no gradient is asked for."""
        return multiply(_matrix(self._backward, values.index_select(0, self._order)), x)

    def joined(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the product of the rows that each place joins, where no gradient is asked for."""
        places = _matrix(self._forward, x.new_zeros(len(self.rows)))
        return torch.sparse.sampled_addmm(places, x, y.T, beta=0).values()


def _matrix(places: tuple[Tensor, Tensor, tuple[int, int]], values: Tensor) -> Tensor:
    starts, columns, shape = places
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse", UserWarning)  # that CSR is young, and that it is not checked
        return torch.sparse_csr_tensor(starts, columns, values, size=shape)


@cache
def _functions() -> tuple[Any, Any]:
    """Return the two products as torch wants them: classes of their own, which must wait for torch."""

    class Spread(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, values: Tensor, x: Tensor, edges: Edges) -> Tensor:
            context.save_for_backward(values, x)
            context.edges = edges
            return edges.spread(values, x)

        @staticmethod
        def backward(context: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
            (values, x), grad = context.saved_tensors, grad.contiguous()
            return context.edges.joined(grad, x), context.edges.gathered(values, grad), None

    class Joined(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, x: Tensor, y: Tensor, edges: Edges) -> Tensor:
            context.save_for_backward(x, y)
            context.edges = edges
            return edges.joined(x, y)

        @staticmethod
        def backward(context: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
            (x, y), grad = context.saved_tensors, grad.contiguous()
            return context.edges.spread(grad, y), context.edges.gathered(grad, x), None

    return Spread, Joined
