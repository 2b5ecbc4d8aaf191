"""The reference that training steps are measured against: plain, but fair.

A step of `Plain` draws one other item for each like in a Python loop, multiplies the whole graph of likes (and, for
freedom, that of items) as torch's COO matrices, and steps with Adam as torch makes it by default.
"""

from __future__ import annotations

import random

import numpy as np
import scipy.sparse as sp
import torch


def coo(matrix: sp.csr_array) -> torch.Tensor:
    """Return a sparse matrix as torch has it by default."""
    edges = matrix.tocoo()
    places = torch.from_numpy(np.stack(edges.coords).astype(np.int64))
    return torch.sparse_coo_tensor(places, torch.from_numpy(edges.data), edges.shape).coalesce()


class Plain:
    """LightGCN by BPR, and with a graph of items its content hop as in FREEDOM."""

    def __init__(
        self, liked: sp.csr_array, graph: sp.csr_array, items: sp.csr_array | None, dim: int, layers: int, batch: int
    ) -> None:
        self.users, self.count = liked.shape
        self.liked = [
            set(liked.indices[liked.indptr[user] : liked.indptr[user + 1]].tolist()) for user in range(self.users)
        ]
        self.pairs = [(user, item) for user, row in enumerate(self.liked) for item in row]
        self.graph, self.items = coo(graph), None if items is None else coo(items)
        self.layers, self.batch = layers, batch
        self.vectors = torch.nn.Parameter(torch.nn.init.xavier_uniform_(torch.empty(self.users + self.count, dim)))
        self.optimizer = torch.optim.Adam([self.vectors], lr=1e-3)

    def step(self) -> float:
        """Take one step; return the loss."""
        chosen = random.sample(self.pairs, min(self.batch, len(self.pairs)))
        others = []
        for user, _ in chosen:
            other = random.randrange(self.count)
            while other in self.liked[user]:
                other = random.randrange(self.count)
            others.append(other)
        users, liked = (torch.tensor([pair[side] for pair in chosen]) for side in (0, 1))
        self.optimizer.zero_grad()
        hops = [self.vectors]
        for _ in range(self.layers):
            hops.append(torch.sparse.mm(self.graph, hops[-1]))
        mean = torch.stack(hops).mean(0)
        people, things = mean[: self.users], mean[self.users :]
        if self.items is not None:
            things = things + torch.sparse.mm(self.items, self.vectors[self.users :])
        taste = people[users]
        margin = (taste * (things[liked] - things[torch.tensor(others)])).sum(1)
        loss = -torch.nn.functional.logsigmoid(margin).mean()
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())
