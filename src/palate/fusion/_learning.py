"""What a learned fusion learns by: likes, or the parts themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from palate.core.types import Codes, Floats, Mask
from palate.fusion._join import Join, masked, spread
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.training.config import TrainingConfig
from palate.training.hiding import hidden
from palate.training.judge import Scores
from palate.training.losses.info_nce import InfoNCE
from palate.training.losses.reconstruction import Reconstruction
from palate.training.pairs import Batch, multiplied
from palate.training.ranking import ranking_loss

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

    def of(self, codes: Codes, share: float = 0.0, noise: Any = None) -> tuple[dict[str, Tensor], Tensor]:
        """Return the rows of some things, and which parts these have; in training a share of the parts is hidden."""
        chosen = torch.from_numpy(codes).long().to(self.there.device)
        there = hidden(self.there[chosen], share, noise)
        return masked({name: values[chosen] for name, values in self.rows.items()}, there), there


class Tastes:
    """People's vectors times the joined vectors of things, learned from likes; a network for the training loop.

    s_ui = cos(t_u, join(parts of i)): what tells people's tastes apart is what the join learns to keep.
    """

    placed: Mask
    """bool[n]: which things have a part."""

    def __init__(
        self,
        config: TrainingConfig,
        users: int,
        rows: Mapping[str, Floats],
        there: Mask,
        making: Making,
        rng: np.random.Generator,
        *,
        dim: int,
        hide: float = 0.0,
    ) -> None:
        self.config, self.hide = config, hide
        self.weights = Weights(rng)
        self.things = Things(self.weights, rows, there, making)
        self.people = self.weights.table("people", users, dim)
        self.loss = ranking_loss(config)
        self.placed = np.asarray(there.any(axis=1))

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of the ranking, and of the length of the vectors that the batch reads."""
        codes, place = np.unique(batch.both, return_inverse=True)
        items = self.things.join(*self.things.of(codes, self.hide, noise))
        losses = {
            self.config.loss: self.loss(
                multiplied(self.people, items, _renumbered(batch, place.astype(np.int32)), cosine=True)
            )
        }
        if self.config.reg:
            people = self.people.index_select(0, self.weights.constant(batch.users))
            losses["reg"] = self.config.reg * people.square().sum() / (2 * len(batch))
        return losses

    def final(self) -> tuple[Tensor, Tensor]:
        """Return people's vectors, and those of all things, of length one."""
        size = len(self.things.there)
        blocks = [np.arange(start, min(start + _BLOCK, size), dtype=np.int32) for start in range(0, size, _BLOCK)]
        joined = torch.cat([self.things.join(*self.things.of(block)) for block in blocks])
        return self.people, torch.nn.functional.normalize(joined, dim=1)

    def scorer(self) -> Scores:
        """Return what scores all things for users, as the network stands."""
        people, items = self.final()

        def scores(users: Codes) -> Floats:
            return np.asarray((people[torch.from_numpy(users).long()] @ items.T).cpu().numpy(), dtype=np.float32)

        return scores


_BLOCK = 4096


def _renumbered(batch: Batch, place: Codes) -> Batch:
    """Return a batch whose items are numbered by their place among those that it reads."""
    size, others = len(batch), batch.others
    items = place[:size]
    within = others.items is batch.items
    drawn = items if within else place[size:].reshape(others.items.shape)
    return dataclasses.replace(batch, items=items, others=dataclasses.replace(others, items=drawn))


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
        hide: float,
    ) -> None:
        self.hide, self.loss = hide, Reconstruction()
        self.weights = Weights(rng)
        self.things = Things(self.weights, rows, there, making)
        self.scale = float(np.sqrt(dim))
        self.decoders = {name: self.decoder(name, dim, values.shape[1]) for name, values in rows.items()}

    def decoder(self, name: str, dim: int, width: int) -> Any:
        """Return what makes a part of the joined vector: a linear map."""
        return self.weights.linear(f"decoder {name}", dim, width)

    def made(self, batch: Batch, noise: Any) -> tuple[dict[str, Tensor], Tensor, dict[str, Tensor]]:
        """Return the parts, which of them are there, and what is made of those that were not hidden."""
        whole, there = self.things.of(batch.items)
        left = hidden(there, self.hide, noise)
        joined = self.things.join(masked(whole, left), left)
        joint = torch.nn.functional.normalize(joined, dim=1) * self.scale
        return whole, there, {name: decoder(joint) for name, decoder in self.decoders.items()}

    def distances(self, whole: Mapping[str, Tensor], there: Tensor, made: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return by part the mean squared error over the rows that are there, and over their numbers."""
        return {
            f"rebuilt {name}": self.loss(made[name], values, there[:, number])
            for number, (name, values) in enumerate(whole.items())
        }

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of each part."""
        return self.distances(*self.made(batch, noise))


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
