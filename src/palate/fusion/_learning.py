"""What a learned fusion learns by where it learns from the parts alone, and how it reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from palate.core.types import Codes, Floats, Mask
from palate.fusion._join import Join, masked, spread
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.training.hiding import hidden
from palate.training.losses.info_nce import InfoNCE
from palate.training.losses.reconstruction import Reconstruction
from palate.training.pairs import Batch

Making = Callable[[Weights], Join]
"""Adds a join's weights to those of a network, and returns it."""


class Things:
    """The rows of things, ready to be joined.

    Shapes:
        rows: float32[n, d] by part, of length one, zeros where absent; there: bool[n, m].
    """

    def __init__(self, weights: Weights, rows: Mapping[str, Floats], there: Mask, making: Making) -> None:
        self.rows = {name: weights.constant(spread(values)) for name, values in rows.items()}
        self.there = weights.constant(there)
        self.join = making(weights)

    def of(self, codes: Codes) -> tuple[dict[str, Tensor], Tensor]:
        """Return the rows of some things, and which parts these have; float32[b, d] by part, bool[b, m]."""
        chosen = torch.from_numpy(codes).long().to(self.there.device)
        return {name: values[chosen] for name, values in self.rows.items()}, self.there[chosen]


Maker = Callable[[Tensor], Tensor]
"""Makes a part, float32[b, d], of the joined vector, float32[b, dim]."""


class Again:
    """Makes the parts again of what was joined from them, and tells how far they are from what they were."""

    def __init__(self, makers: Mapping[str, Maker], dim: int) -> None:
        self.makers, self.scale, self.loss = makers, float(np.sqrt(dim)), Reconstruction()

    def made(self, joined: Tensor) -> dict[str, Tensor]:
        """Return the parts that are made; joined vectors count by their direction."""
        joint = torch.nn.functional.normalize(joined, dim=1) * self.scale
        return {name: maker(joint) for name, maker in self.makers.items()}

    def losses(self, made: Mapping[str, Tensor], whole: Mapping[str, Tensor], there: Tensor) -> dict[str, Tensor]:
        """Return by part the mean squared error over the rows that are there, and over their numbers."""
        return {
            f"rebuilt {name}": self.loss(made[name], values, there[:, number])
            for number, (name, values) in enumerate(whole.items())
        }


class Rebuilding:
    """The joined vector must let every part be made again, those too that were hidden from it (denoising autoencoder).

    Sum over the parts p that a thing has of |x_p - D_p join(what was not hidden)|^2 / numbers of p (Vincent et al. 2008; with
    several modalities Ngiam et al. 2011).
    """

    def __init__(
        self,
        rows: Mapping[str, Floats],
        there: Mask,
        making: Making,
        rng: np.random.Generator,
        *,
        dim: int,
        hidden: float,
    ) -> None:
        self.hidden = hidden
        self.weights = Weights(rng)
        self.things = Things(self.weights, rows, there, making)
        self.again = Again({name: self.maker(name, dim, len(values.T)) for name, values in rows.items()}, dim)

    def maker(self, name: str, dim: int, width: int) -> Maker:
        """Return what makes a part of the joined vector: a linear map."""
        found: Maker = self.weights.linear(f"maker {name}", dim, width)
        return found

    def made(self, batch: Batch, noise: Any) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
        """Return what is made of the parts that are not hidden, the parts themselves, and which there are."""
        whole, there = self.things.of(batch.items)
        left = hidden(there, self.hidden, noise)
        return self.again.made(self.things.join(masked(whole, left), left)), whole, there

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of each part."""
        return self.again.losses(*self.made(batch, noise))


class Agreeing:
    """What is joined from some of a thing's parts must be near what is joined from the others, among those of other things.

    InfoNCE of the two views (van den Oord et al. 2018), each part of a thing in one of them by chance. A thing with fewer than two
    parts teaches nothing.
    """

    def __init__(
        self, rows: Mapping[str, Floats], there: Mask, making: Making, rng: np.random.Generator, *, temperature: float
    ) -> None:
        self.weights = Weights(rng)
        self.things = Things(self.weights, rows, there, making)
        self.loss = InfoNCE(temperature=temperature)

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of the two views."""
        whole, there = self.things.of(batch.items)
        one = _half(there, noise)
        other = there & ~one
        both = one.any(1) & other.any(1)
        views = [self.things.join(masked(whole, view), view)[both] for view in (one, other)]
        if not both.any():
            return {"info-nce": 0 * sum(value.sum() for value in self.weights.parameters())}
        return {"info-nce": self.loss.between(*views)}


def _half(there: Tensor, noise: Any) -> Tensor:
    """Return which parts are in the first view: each by even chance, one of those there for certain, and one for certain not."""
    luck = torch.rand(there.shape, generator=noise, device=there.device)
    first = luck.masked_fill(~there, -1.0)
    last = luck.masked_fill(~there, 2.0)
    highest, lowest = first == first.amax(1, keepdim=True), last == last.amin(1, keepdim=True)
    return there & ((luck > 0.5) | highest) & ~lowest
