"""What a learned fusion learns by where it learns from likes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from pydantic import Field, NonNegativeFloat

from palate.core.errors import ConfigError
from palate.core.types import CSR, Codes, Floats, Mask
from palate.fusion._join import masked
from palate.fusion._learning import Again, Making, Things
from palate.fusion._personal import Personal
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.training.balance import Balance
from palate.training.batches import Batches
from palate.training.config import TrainingConfig
from palate.training.hiding import hidden
from palate.training.judge import Scores
from palate.training.mixing import Mixed, MixupConfig
from palate.training.pairs import Batch, Pairs, held, multiplied
from palate.training.ranking import ranking_loss
from palate.training.samplers import Sampler

_BLOCK = 4096
_PEOPLE = 64


class TastesConfig(MixupConfig, TrainingConfig):
    """What is done where parts are of unequal worth or often missing, beside how every network learns."""

    hidden: float = Field(0.0, ge=0, lt=1)
    """Share of the parts that each step hides, never all of a thing (modality dropout)."""
    rebuild: NonNegativeFloat = 0.0
    """How much it counts, beside the likes, that hidden parts and all others can be made again of the fused vector."""
    balance: NonNegativeFloat = 0.0
    """How much the part that tells likes best is slowed down, so that the others are learned as well (OGM-GE); 0 not at all."""
    even: float = Field(0.0, ge=0, le=1)
    """How far things with rare combinations of parts are shown as often as others: 0 as they are liked, 1 all combinations alike."""


class Tastes:
    """People's vectors times the joined vectors of things, learned from likes; a network for the training loop.

    s_ui = cos(t_u, join(parts of i)): what tells people's tastes apart is what the join learns to keep. Beside it, where asked for,
    all parts must follow from the joined vector, and the gradients of parts are balanced (`training.balance`).
    """

    placed: Mask
    """bool[n]: which things have a part."""

    def __init__(
        self,
        config: TastesConfig,
        users: int,
        rows: Mapping[str, Floats],
        there: Mask,
        making: Making,
        rng: np.random.Generator,
        *,
        dim: int,
    ) -> None:
        self.config = config
        self.weights = Weights(rng)
        self.things = Things(self.weights, rows, there, making)
        self.people = self.weights.table("people", users, dim)
        self.loss = ranking_loss(config)
        if config.rebuild:
            makers = {name: self.weights.linear(f"maker {name}", dim, len(values.T)) for name, values in rows.items()}
            self.again = Again(makers, dim)
        kept = self.weights.named
        readers = {
            name: [kept[key] for kind in ("weight", "bias") if (key := f"token {name}.{kind}") in kept] for name in rows
        }
        self.balance = Balance(config.balance, readers)
        self.there, self.placed = there, np.asarray(there.any(axis=1))

    @property
    def values(self) -> dict[str, Tensor]:
        """The rows of things, by part."""
        return self.things.rows

    @values.setter
    def values(self, rows: dict[str, Tensor]) -> None:
        self.things.rows = rows

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of the ranking, and of the length of the vectors that the batch reads.

        Raises:
            ConfigError: likes must be held against something, and nothing is drawn.
        """
        self._refuse_nothing(batch)
        codes, place = np.unique(batch.both, return_inverse=True)
        near = _renumbered(batch, place.astype(np.int32))
        whole, there = self.things.of(codes)
        left = hidden(there, self.config.hidden, noise)
        shown = masked(whole, left)
        losses = {self.config.loss: self.loss(self._pairs(shown, left, near))}
        if self.config.rebuild:
            made = self.again.losses(self.again.made(self.things.join(shown, left)), whole, there)
            losses |= {name: self.config.rebuild * loss for name, loss in made.items()}
        if self.config.balance:
            self._weigh(whole, left, near)
        if self.config.reg:
            people = self.people.index_select(0, self.weights.constant(batch.users))
            losses["reg"] = self.config.reg * people.square().sum() / (2 * len(batch))
        return losses

    def _refuse_nothing(self, batch: Batch) -> None:
        if batch.others.items.size:
            return
        for asked, what in (
            (self.config.balance, f"balance={self.config.balance} looks at how well each part"),
            (isinstance(self.things.join, Personal), "what everyone sees in their own way is learned by how well it"),
        ):
            if asked:
                raise ConfigError(
                    f"{what} tells likes from what they are held against, and the sampler '{self.config.sampler}' draws nothing: "
                    "choose another, such as in-batch"
                )

    def _pairs(self, rows: Mapping[str, Tensor], there: Tensor, batch: Batch) -> Pairs:
        """Score a batch whose items are numbered by their place among these rows."""
        join = self.things.join
        if not isinstance(join, Personal):
            return multiplied(self.people, join(rows, there), batch, cosine=True)
        people = self.people.index_select(0, self.weights.constant(batch.users))
        views = (*join.views(rows, there), there)
        good, bad = (
            [view[self.weights.constant(codes).long()] for view in views] for codes in (batch.items, batch.others.items)
        )
        positive = join.scores(people[:, None], *(view[:, None] for view in good))[:, 0, 0]
        if batch.others.items.ndim == 1:
            return held(positive, lambda: join.scores(people, *bad), batch)
        return held(positive, lambda: join.scores(people[:, None], *bad)[:, 0], batch)

    def _weigh(self, whole: Mapping[str, Tensor], there: Tensor, batch: Batch) -> None:
        """Tell the balance how well each part alone tells the likes of things that have it from what they are held against."""
        alone = {}
        with torch.no_grad():
            for number, name in enumerate(whole):
                only = there & (torch.arange(there.shape[1], device=there.device) == number)
                pairs = self._pairs(masked(whole, only), only, batch)
                logits = torch.cat([pairs.positive[:, None], pairs.negative], dim=1) / self.config.temperature
                told = only[self.weights.constant(batch.items).long(), number]
                if told.any():
                    alone[name] = float(torch.softmax(logits, dim=1)[told, 0].mean())
        self.balance.weigh(alone)

    def temper(self, noise: Any) -> None:
        """Balance the gradients of the parts."""
        if self.config.balance:
            self.balance.temper(noise)

    def final(self) -> tuple[Tensor, Tensor]:
        """Return the vectors of people and of all things, of length one; zeros where a thing has no part."""
        joined = torch.cat(
            [self.things.join(rows, there) * there.any(1, keepdim=True) for rows, there in self.blocks()]
        )
        people, things = (torch.nn.functional.normalize(vectors, dim=1) for vectors in (self.people, joined))
        return people, things

    def blocks(self) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        """Yield the rows of all things, and which parts they have, some things at a time."""
        size = len(self.things.there)
        for start in range(0, size, _BLOCK):
            yield self.things.of(np.arange(start, min(start + _BLOCK, size), dtype=np.int32))

    def scorer(self) -> Scores:
        """Return what scores all things for users, as the network stands; NaN for those without any part."""
        join = self.things.join
        people, items = self.final()
        views = [(*join.views(*block), block[1]) for block in self.blocks()] if isinstance(join, Personal) else []

        def scores(users: Codes) -> Floats:
            asking = people[torch.from_numpy(users).long()]
            if isinstance(join, Personal):
                found = torch.cat(
                    [torch.cat([join.scores(some, *view) for view in views], 1) for some in asking.split(_PEOPLE)]
                )
            else:
                found = asking @ items.T
            told: Floats = found.cpu().numpy().astype(np.float32)
            told[:, ~self.placed] = np.nan
            return told

        return scores


def _renumbered(batch: Batch, place: Codes) -> Batch:
    """Return a batch whose items are numbered by their place among those that it reads."""
    size, others = len(batch), batch.others
    items = place[:size]
    within = others.items is batch.items
    drawn = items if within else place[size:].reshape(others.items.shape)
    return dataclasses.replace(batch, items=items, others=dataclasses.replace(others, items=drawn))


def batches(config: TastesConfig, liked: CSR, sampler: Sampler[Any], there: Mask) -> Batches:
    """Return the likes of an epoch in batches, as the config would have them drawn; there: bool[n, m].

    With `even` a like of a thing whose combination of parts has a share q of the likes comes by q^-even (class-balanced sampling, with
    combinations for classes).
    """
    chances = None
    if config.even:
        _, kind = np.unique(there[liked.indices], axis=0, return_inverse=True)
        chances = np.bincount(kind.ravel()).astype(np.float64)[kind.ravel()] ** -config.even
    return Batches(liked, sampler, config.batch_size, balance_items=config.balance_items, chances=chances)


def taught(config: TastesConfig, network: Any, liked: CSR) -> Any:
    """Return a network as it learns: from mixed parts, where the config would have them mixed."""
    if not config.mixup:
        return network
    tables = {
        name: [(values.shape[1], network.there[:, number])]
        for number, (name, values) in enumerate(network.values.items())
    }
    return Mixed(network, config.mixup, liked, tables)


def of_things(liked: CSR, known: Mask) -> CSR:
    """Return the likes of things that have a part."""
    left = sp.csr_array(liked @ sp.diags_array(known.astype(np.float32)))
    left.eliminate_zeros()
    return left
