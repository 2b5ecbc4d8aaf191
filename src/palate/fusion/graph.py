"""A thing and its parts as nodes of a small graph, along whose edges messages pass."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import PositiveInt

from palate.fusion._join import Join, Tokens, Widths, averaged
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


class GraphConfig(LearnedConfig):
    """How often, beside what every learned fusion can be told."""

    layers: PositiveInt = 2
    """Times that messages pass along all edges."""


class Graph(LearnedFusion[GraphConfig]):
    """Pass messages between a thing's node and those of its parts, and read the node of the thing.

    h_i <- relu(S h_i + mean over the thing's parts p of M_p h_p), h_p <- relu(T h_p + N_p h_i), round by round, beginning with h_p = W_p x_p + b_p
    and their mean; f = R [mean over the rounds of h_i] (relational graph convolution, Schlichtkrull et al. 2018, equation 2: each part
    is a relation of its own, in both directions). A thing's graph holds no other things, so that new ones need none.

    Missing data:
        An absent part has no node.
    """

    name = "graph"
    config_type = GraphConfig
    paper: ClassVar[str] = "Schlichtkrull et al. 2018"
    cost: ClassVar[str] = "w k + l m k² per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add a map for each part, those of the edges, and what reads the thing's node."""
        return _Nodes(weights, widths, dim, self.config.layers)


class _Nodes:
    def __init__(self, weights: Weights, widths: Widths, dim: int, layers: int) -> None:
        self.tokens = Tokens(weights, widths, dim)
        self.inward = [_Edges(weights, f"inward {number}", widths, dim) for number in range(layers)]
        self.outward = [_Edges(weights, f"outward {number}", widths, dim) for number in range(layers - 1)]
        self.read = weights.linear("read", dim, dim)

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        parts = self.tokens(rows, there)
        things = [averaged(parts, there)]
        for inward, outward in itertools.zip_longest(self.inward, self.outward):
            thing = things[-1]
            things.append(torch.relu(inward.own(thing) + averaged(inward(parts.unbind(1)), there)))
            if outward is not None:
                parts = torch.relu(outward.own(parts) + outward([thing] * parts.shape[1]))
        return self.read(sum(things) / len(things))


class _Edges:
    """What passes along the edges of all parts in one direction, and from a node to itself."""

    def __init__(self, weights: Weights, label: str, widths: Widths, dim: int) -> None:
        self.own = weights.linear(label, dim, dim)
        self.maps = [weights.linear(f"{label} of {name}", dim, dim, bias=False) for name in widths]

    def __call__(self, ends: Sequence[Tensor]) -> Tensor:
        """Return the messages; float32[b, m, dim] from float32[b, dim] for each part."""
        return torch.stack([layer(end) for layer, end in zip(self.maps, ends, strict=True)], dim=1)
