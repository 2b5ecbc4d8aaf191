"""A graph of users and items for each part, in which tastes and content spread; what comes of them is averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from pydantic import Field, PositiveInt

from palate.core.types import CSR, Mask
from palate.data.dataset import Dataset
from palate.models._deep import VectorModel
from palate.models._deep_parts import PartsConfig, Prepared, parts_for
from palate.models._hops import HopConfig, HopNetwork
from palate.nn._torch import Tensor, torch
from palate.nn.graph import Operator
from palate.training.pairs import Batch, Pairs


class MMGCNConfig(PartsConfig, HopConfig):
    """How deep, beside how every network learns."""

    layers: PositiveInt = 2
    """How often neighbours are asked, in the graph of each part."""
    item_power: float = Field(0.5, ge=0.5, le=0.5)
    """Of no use here, so not to be changed: what neighbours say is averaged."""


class MMGCN(VectorModel[MMGCNConfig]):
    """Score items by vectors that have spread in a graph of likes for each part, with what users and items are by themselves.

    In the graph of part m, x starts as a user's learned taste in m and an item's projected content, all of length one. A layer
    makes of it h = f(mean over neighbours of W1 x), x^ = f(W2 x) + e with the vector e of the user or item, the same in all
    graphs, and x = f(W3 h + x^), f a leaky ReLU; what comes out is averaged over parts (Wei et al. 2019, equations 2, 5, 7
    and 8; equation 9 adds the parts up, the authors' code averages them and brings x to length one at first). The loss is BPR.

    Missing data:
        An item is in the graphs of the parts that it has, and is the mean of these; with none of them it is e alone, as are
        users of such items. An item that nobody liked has no e and no neighbours: it is placed by its content; NaN without.
    """

    name = "mmgcn"
    config_type = MMGCNConfig
    requires = frozenset({"interactions", "features"})

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, parts_for(self.config, train), rng)


class _Network(HopNetwork):
    def __init__(
        self, config: MMGCNConfig, train: Dataset, parts: Mapping[str, Prepared], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, rng)
        weights, dim = self.weights, config.dim
        self.placed = self.warm | np.any([part.present for part in parts.values()], axis=0)
        self.values = {name: weights.constant(part.values) for name, part in parts.items()}
        self.maps = {name: weights.linear(f"map {name}", part.values.shape[1], dim) for name, part in parts.items()}
        self.tastes = {name: weights.table(f"taste {name}", self.users, dim) for name in parts}
        self.heard, self.kept, self.mixed = (
            {
                (name, layer): weights.linear(f"{role} {layer} {name}", dim, dim, bias=False)
                for name in parts
                for layer in range(config.layers)
            }
            for role in ("hear", "keep", "mix")
        )
        self.graphs, there = {}, []
        for name, part in parts.items():
            graph = _means(train.liked, part.present)
            self.graphs[name] = Operator(graph)
            there.append(np.concatenate([np.diff(graph.indptr)[: self.users] > 0, part.present]))
        counts = np.sum(there, axis=0)
        self.shares = {
            name: weights.constant((mask / np.maximum(counts, 1))[:, None].astype(np.float32))
            for name, mask in zip(parts, there, strict=True)
        }
        self.alone = weights.constant((counts == 0)[:, None].astype(np.float32))

    def vectors(self, graph: Operator) -> tuple[Tensor, Tensor]:
        """Return the vectors of users and of items, the mean of what comes out of the graphs."""
        own = self.first()
        whole = self.alone * own
        for name, share in self.shares.items():
            whole = whole + share * self.spread(name, own)
        return whole[: self.users], whole[self.users :]

    def spread(self, name: str, own: Tensor) -> Tensor:
        """Return what tastes and content come to in the graph of a part; float32[n_users + n_items, dim]."""
        leaky, content = torch.nn.functional.leaky_relu_, self.maps[name](self.values[name])
        x = torch.nn.functional.normalize(torch.cat([self.tastes[name], content]), dim=1)
        for layer in range(self.config.layers):
            heard = leaky(self.graphs[name](self.heard[name, layer](x)))
            kept = leaky(self.kept[name, layer](x)) + own
            x = leaky(torch.addmm(kept, heard, self.mixed[name, layer].weight.T))
        return x

    def terms(self, batch: Batch, pairs: Pairs, noise: Any) -> Mapping[str, Tensor]:
        """Return the length of the tastes that the batch reads."""
        if not self.config.reg:
            return {}
        rows = self.weights.constant(batch.users)
        squares = sum(taste.index_select(0, rows).square().sum() for taste in self.tastes.values())
        return {"tastes": self.config.reg * squares / (2 * len(batch))}


def _means(liked: CSR, present: Mask) -> CSR:
    """Return the graph in which each user, and each present item, takes the mean of its neighbours.

    Shapes:
        liked: sparse[u, i]; present: bool[i] -> sparse float32[u + i, u + i], users first.
    """
    edges = sp.csr_array(liked.astype(bool).astype(np.float32) @ sp.diags_array(present.astype(np.float32)))
    edges.eliminate_zeros()
    graph = sp.csr_array(sp.block_array([[None, edges], [edges.T, None]], format="csr"))
    counts = np.diff(graph.indptr)
    graph.data = (graph.data / np.repeat(counts, counts)).astype(np.float32)
    return graph
