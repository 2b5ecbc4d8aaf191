"""What a vector of the common space still tells of the parts: networks that make them again."""

from __future__ import annotations

from collections.abc import Mapping

from palate.align._towers import Dense, Tower
from palate.nn._torch import Tensor
from palate.nn.network import Weights
from palate.training.losses.reconstruction import Reconstruction


class Readers:
    """For each part a network with one hidden layer that makes its rows of vectors of the common space."""

    def __init__(self, weights: Weights, towers: Mapping[str, Tower], hidden: int, dim: int) -> None:
        self.networks = {
            name: Dense(dim, hidden, tower.width).built(weights, f"reader.{number}")
            for number, (name, tower) in enumerate(towers.items())
        }
        self.loss = Reconstruction()

    def lost(self, vectors: Tensor, there: Tensor, rows: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
        """Return how ill the parts come out of vectors, mean over the parts; only things that have both count.

        Shapes:
            vectors: float32[b, dim]; there: bool[b]; rows: float32[b, d] and present: bool[b] by part -> float32[].
        """
        found = [self.loss(self.networks[name](vectors), rows[name], there & present[name]) for name in rows]
        total: Tensor = sum(found) / len(found)
        return total


def apart(one: Tensor, other: Tensor, both: Tensor) -> Tensor:
    """Return the mean of 1 - cosine of the rows that have both; float32[b, dim] of length one twice, bool[b] -> float32[]."""
    lost: Tensor = ((1 - (one * other).sum(1)) * both).sum() / both.sum().clamp(min=1)
    return lost


def heaped(vectors: Tensor, there: Tensor) -> Tensor:
    """Return twice the mean cosine of all pairs of rows, 2 |mean of the rows|^2; float32[b, dim] of length one, bool[b] -> float32[].

    Twice, so that one spot for all, where nothing is `apart`, costs more than no agreement at all.
    """
    lost: Tensor = 2 * ((vectors * there[:, None]).sum(0) / there.sum().clamp(min=1)).square().sum()
    return lost
