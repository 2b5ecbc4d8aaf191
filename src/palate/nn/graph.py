"""Sparse matrices that multiply tensors, and let gradients back through."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from palate.core.types import CSR, Floats
from palate.nn._torch import Tensor, torch
from palate.nn.precision import exact


class Operator:
    """A sparse matrix A by which tensors are multiplied: A x forward, A^T g backward.

    torch finds the transpose anew in each backward pass, which costs many times what the product does. Here it is made
    once, and not at all where A is symmetric. It lives on the device that is set when it is made, and is exact: also
    where numbers of half the width are multiplied elsewhere.

    Shapes:
        matrix: sparse[n, m]; called with float32[m, d] -> float32[n, d].
    """

    def __init__(self, matrix: CSR, *, symmetric: bool = False) -> None:
        self.forward = _tensor(matrix)
        self.backward = self.forward if symmetric else _tensor(sp.csr_array(matrix.T.tocsr()))

    def __call__(self, x: Tensor) -> Tensor:
        """Return A x."""
        with exact(x):
            return _functions()[0].apply(x.float(), self)

    def averaged(self, x: Tensor, hops: int) -> Tensor:
        """Return the mean of x, A x, ..., A^hops x, for a square A, without keeping any of them.

        By Horner's rule, x + A (x + A (x + ...)), each step of which is one product that adds; backward likewise.
        """
        with exact(x):
            return _functions()[1].apply(x.float(), self, hops)


def bipartite(liked: CSR, item_power: float = 0.5) -> CSR:
    """Return the graph of users and items, each edge divided by the roots of both ends' degrees.

    He et al. 2020, equations 7 and 8. Users come first, then items. Another power of an item's degree than the root holds
    popular items back more (above) or less, as `item_weights` has it.

    Shapes:
        liked: sparse[u, i] -> sparse[u + i, u + i], symmetric.

    Example:
        >>> bipartite(sp.csr_array(np.ones((1, 4), np.float32))).toarray()[0].tolist()
        [0.0, 0.5, 0.5, 0.5, 0.5]
    """
    lengths = np.diff(liked.indptr)
    users = 1 / np.sqrt(np.maximum(lengths, 1))
    data = np.repeat(users, lengths) * item_weights(liked, item_power)[liked.indices]
    edges = sp.csr_array((data.astype(np.float32), liked.indices, liked.indptr), shape=liked.shape)
    return sp.csr_array(sp.block_array([[None, edges], [edges.T, None]], format="csr"))


def item_weights(liked: CSR, power: float = 0.5) -> Floats:
    """Return each item's number of likes to the power -power, 0 where nobody likes it.

    They are scaled so that all edges together weigh what they do at one half: hops keep their share in a mean of hops.

    Shapes:
        liked: sparse[u, i] -> float32[i].
    """
    counts = np.bincount(liked.indices, minlength=liked.shape[1])
    root, other = (np.where(counts > 0, np.maximum(counts, 1.0) ** -by, 0) for by in (0.5, power))
    users = np.repeat(1 / np.sqrt(np.maximum(np.diff(liked.indptr), 1)), np.diff(liked.indptr))
    sums = [float((users * weights[liked.indices]).sum()) for weights in (root, other)]
    return (other * (sums[0] / sums[1] if liked.nnz else 1)).astype(np.float32)


def thinned(liked: CSR, kept: float, rng: np.random.Generator) -> CSR:
    """Keep a share of the likes, drawn without return by 1 / sqrt(d_u d_i): those between popular ends go first.

    Zhou and Shen 2023, degree-sensitive edge pruning.

    Shapes:
        liked: sparse[u, i] -> sparse[u, i].
    """
    degrees = np.repeat(np.diff(liked.indptr), np.diff(liked.indptr)) * np.bincount(liked.indices)[liked.indices]
    keys = rng.exponential(size=liked.nnz) * np.sqrt(degrees)  # the smallest of these are such a draw (Efraimidis 2006)
    chosen = np.zeros(liked.nnz, bool)
    chosen[np.argpartition(keys, round(kept * liked.nnz) - 1)[: max(1, round(kept * liked.nnz))]] = True
    rows = np.repeat(np.arange(liked.shape[0]), np.diff(liked.indptr))[chosen]
    return sp.csr_array((liked.data[chosen], (rows, liked.indices[chosen])), shape=liked.shape)


def _tensor(matrix: CSR) -> Tensor:
    matrix.sort_indices()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse", UserWarning)  # that CSR is young, and that it is not checked
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data.astype(np.float32)),
            size=matrix.shape,
        ).to(torch.get_default_device())


def multiply(matrix: Tensor, x: Tensor) -> Tensor:
    """Return the product; torch is several times slower where nothing is added to it, so zero is."""
    return torch.addmm(x.new_zeros(1), matrix, x)


def _mean_of_hops(matrix: Tensor, x: Tensor, hops: int) -> Tensor:
    if not hops:
        return x.clone()
    mean = x
    for _ in range(hops - 1):
        mean = torch.addmm(x, matrix, mean)
    return torch.addmm(x, matrix, mean, beta=1 / (hops + 1), alpha=1 / (hops + 1))


@cache
def _functions() -> Any:
    """Return the product and the mean of hops as torch wants them: classes of its own, which must wait for torch."""

    class Product(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, x: Tensor, operator: Operator) -> Tensor:
            context.operator = operator
            return multiply(operator.forward, x)

        @staticmethod
        def backward(context: Any, grad: Tensor) -> tuple[Tensor, None]:
            return multiply(context.operator.backward, grad.contiguous()), None

    class Averaged(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(context: Any, x: Tensor, operator: Operator, hops: int) -> Tensor:
            context.operator, context.hops = operator, hops
            return _mean_of_hops(operator.forward, x, hops)

        @staticmethod
        def backward(context: Any, grad: Tensor) -> tuple[Tensor, None, None]:
            return _mean_of_hops(context.operator.backward, grad.contiguous(), context.hops), None, None

    return Product, Averaged
