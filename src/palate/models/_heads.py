"""What networks with several tasks share: how items are read, one head a task, and what a trained one comes to."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field, NonNegativeFloat

from palate.core.errors import ConfigError
from palate.core.state import Array
from palate.data.dataset import Dataset
from palate.interfaces import Queries
from palate.models._deep_parts import Prepared
from palate.models._fusing import FusingConfig, Joined, reader, refuse_rebuilding
from palate.models._outcomes import Outcomes
from palate.models._predicting import Frozen, PredictingConfig
from palate.nn._torch import Tensor, torch
from palate.nn.graph import Operator
from palate.nn.network import Weights
from palate.nn.rows import rows
from palate.training.balance import Balance
from palate.training.hiding import hidden
from palate.training.judge import Scores
from palate.training.losses.reconstruction import Reconstruction
from palate.training.pairs import Batch, held
from palate.training.ranking import ranking_loss
from palate.training.tasks import Kind, Tasks, TasksConfig

_KINDS: dict[str, Kind] = {"ranking": "told", "click": "told", "rating": "measured", "reconstruction": "measured"}


class HeadsConfig(TasksConfig, PredictingConfig, FusingConfig):
    """What a network with several tasks can be told."""

    tasks: dict[str, NonNegativeFloat] = Field(default_factory=dict)
    """How much ranking, click, rating and reconstruction (of the parts) count; ranking and the target 1 unless named, others 0.
    Without the ranking, lists are made by an outcome."""
    hidden: float = Field(0.0, ge=0, lt=1)
    """Share of items' own vectors and of their parts that each step hides, never all of an item."""
    balance: NonNegativeFloat = 0.0
    """How much a part that alone ranks better than the others is slowed down (alpha of OGM-GE); 0 lets it."""
    balance_noise: bool = False
    """Whether noise makes up for it."""


@dataclass(frozen=True, eq=False)
class Sides:
    """All items, as a step reads them.

    Shapes:
        things: float32[n, dim], an item's own vector, 0 where nobody likes it; parts: float32[n, dim] each, projected, 0 where
        missing or hidden; there: bool[n, 1 + m], which of these there is; first: float32[1 + m, n, tasks], what own vector and
        parts say by themselves.
    """

    things: Tensor
    parts: Mapping[str, Tensor]
    there: Tensor
    first: Tensor


class HeadsNetwork(ABC):
    """Base of the networks that make numbers of a pair, and of these an outcome for each task.

    A model writes what it reads of all items (`read`), the numbers of pairs (`pairs`), what each part says alone (`alone`), an
    item's joint vector (`joint`), and what it comes to (`frozen`).
    """

    def __init__(
        self,
        config: Any,
        train: Dataset,
        parts: Mapping[str, Prepared | Joined],
        rng: np.random.Generator,
        *,
        width: int,
    ) -> None:
        users, items, dim = len(train.users), len(train.items), config.dim
        self.config, self.train, self.width = config, train, width
        self.degrees = np.diff(train.liked.indptr)
        warm = np.bincount(train.liked.indices, minlength=items) > 0
        weights = self.weights = Weights(rng)
        self.loss = ranking_loss(config)
        self.tasks = Tasks(weights, _KINDS, config, {"click": 0, "rating": 0, "reconstruction": 0, config.target: 1})
        present = np.stack([part.present for part in parts.values()], axis=1)
        self.placed = warm | present.any(axis=1)
        self.there = weights.constant(np.concatenate([warm[:, None], present], axis=1))
        self.likes, self.lengths = Operator(train.liked), weights.constant(self.degrees.astype(np.float32)[:, None])
        self.people, self.things = weights.table("people", users, dim), weights.table("things", items, dim)
        self.values = {name: weights.constant(part.values) for name, part in parts.items()}
        wide = {name: part.values.shape[1] for name, part in parts.items()}
        self.maps = {name: reader(weights, f"map {name}", part, dim) for name, part in parts.items()}
        self.outcomes = {
            name: Outcomes(train, name, self.placed, config) for name in ("click", "rating") if name in self.tasks
        }
        self.heads = {
            name: weights.linear(f"head {name}", width, 1, bias=False)
            for name in ("ranking", *self.outcomes)
            if name in self.tasks
        }
        if not self.heads:
            raise ConfigError(
                "tasks leaves out the ranking and all outcomes: give one of ranking, click and rating a weight"
            )
        for head in self.heads.values():
            with torch.no_grad():
                head.weight[:, :dim] = 1
        if config.truncate and "ranking" not in self.heads:
            raise ConfigError(
                f"truncate was {config.truncate:g}, it leaves likes out of the ranking, and tasks leaves out the ranking itself: "
                "give one of them up"
            )
        self.slopes = {
            name: weights.put(f"levels {name}", np.full(2, outcome.slope, np.float32))
            for name, outcome in self.outcomes.items()
        }
        self.bias = weights.put("first", np.zeros((items, len(self.heads)), np.float32))
        self.first = {
            name: weights.linear(f"first {name}", inner, len(self.heads), bias=False) for name, inner in wide.items()
        }
        self.back = {}
        if "reconstruction" in self.tasks:
            refuse_rebuilding(parts)
            self.back = {name: weights.linear(f"back {name}", dim, inner) for name, inner in wide.items()}
        self.balance = Balance(
            config.balance,
            {name: [*self.maps[name].parameters(), *self.first[name].parameters()] for name in parts},
            noisy=config.balance_noise,
        )

    @abstractmethod
    def read(self, sides: Sides) -> Any:
        """Return what pairs need of all items; made once a step."""

    @abstractmethod
    def pairs(self, read: Any, users: Tensor, items: Tensor, without: Tensor, noise: Any) -> Tensor:
        """Return the numbers of pairs, of a history without one like; int64[b], int64[b, c], int64[b] -> float32[b, c, width]."""

    @abstractmethod
    def alone(self, read: Any, users: Tensor, items: Tensor, without: Tensor) -> Mapping[str, Tensor]:
        """Return what each part says of pairs without the others; float32[b, c] each."""

    @abstractmethod
    def joint(self, read: Any) -> Tensor:
        """Return one vector of each item; float32[n, dim]."""

    @abstractmethod
    def frozen(self) -> Frozen:
        """Return what the network comes to, as it stands."""

    def sides(self, there: Tensor) -> Sides:
        """Read the items, of which there are these own vectors and parts; bool[n, 1 + m]."""
        warm, *masks = torch.unbind(there.float()[:, :, None], dim=1)
        parts, first = {}, [self.bias * warm]
        for mask, (name, layer) in zip(masks, self.maps.items(), strict=True):
            parts[name] = layer(self.values[name]) * mask
            first.append(self.first[name](self.values[name]) * mask)
        return Sides(self.things * warm, parts, there, torch.stack(first))

    def others(self, said: Tensor, summed: Tensor, users: Tensor, without: Tensor) -> Tensor:
        """Return what a history says without one like: the sum of what its items say over the root of its length.

        Shapes:
            said: float32[n_items, d]; summed: float32[n_users, d], over whole histories; users, without: int64[b] -> float32[b, d].
        """
        return (rows(summed, users) - rows(said, without)) / (self.lengths[users] - 1).clamp(min=1).sqrt()

    def told(self, task: str, known: Tensor, first: Tensor, items: Tensor) -> Tensor:
        """Return what a head makes of the numbers of pairs; float32[b, c, width], float32[n, tasks] -> float32[b, c]."""
        place = list(self.heads).index(task)
        return self.heads[task](known)[..., 0] + rows(first[:, place], items)

    def begin_epoch(self, rng: np.random.Generator) -> None:
        """Draw the examples of the other tasks."""
        batches = math.ceil(self.train.liked.nnz / self.config.batch_size)
        for outcome in self.outcomes.values():
            outcome.deal(batches, rng)

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of each task as it counts, and of the length of the vectors that the batch reads."""
        sides = self.sides(hidden(self.there, self.config.hidden, noise))
        read, first = self.read(sides), sides.first.sum(0)
        users, liked, others = (
            self.weights.constant(codes).long() for codes in (batch.users, batch.items, batch.others.items)
        )
        asked = torch.cat([liked[:, None], others.expand(len(batch), -1) if others.ndim == 1 else others], dim=1)
        lost = {}
        if "ranking" in self.tasks:
            scores = self.told("ranking", self.pairs(read, users, asked, liked, noise), first, asked)
            lost["ranking"] = self.loss(held(scores[:, 0], scores[:, 1:], batch))
        for name in self.outcomes:
            loss = self._outcome(name, read, first, noise)
            if loss is not None:
                lost[name] = loss
        if self.back:
            lost["reconstruction"] = self._missed(read, liked)
        if self.config.balance:
            with torch.no_grad():
                alone = self.alone(read, users, asked, liked)
                self.balance.weigh(
                    {name: (said[:, :1] - said[:, 1:]).sigmoid().mean().item() for name, said in alone.items()}
                )
        losses = self.tasks(lost)
        if self.config.reg:
            read_of = (rows(self.people, users), rows(self.things, liked), rows(self.things, asked[:, 1:]))
            losses["reg"] = self.config.reg * sum(row.square().sum() for row in read_of) / (2 * len(batch))
        return losses

    def temper(self, noise: Any) -> None:
        """Slow down the part that is ahead."""
        if self.config.balance:
            self.balance.temper(noise)

    def _outcome(self, name: str, read: Any, first: Tensor, noise: Any) -> Tensor | None:
        """Return what a head misses of the next examples of its task."""
        outcome, some = self.outcomes[name], self.outcomes[name].next()
        if some is None:
            return None
        user, item, without, truth, levels = map(self.weights.constant, vars(some).values())
        asked = item[:, None]
        said = self.told(name, self.pairs(read, user, asked, without, noise), first, asked)[:, 0]
        said = said + outcome.usual + levels @ self.slopes[name]
        if name == "rating":
            return (said - truth).square().mean()
        return torch.nn.functional.binary_cross_entropy_with_logits(said, truth)

    def _missed(self, read: Any, liked: Tensor) -> Tensor:
        """Return how far what follows from joint vectors lies from the parts, hidden ones too."""
        made, loss = rows(self.joint(read), liked), Reconstruction()
        present = self.there[liked, 1:]
        lost = [
            loss(layer(made), self.values[name][liked], present[:, place])
            for place, (name, layer) in enumerate(self.back.items())
        ]
        return sum(lost) / len(lost)

    def scorer(self) -> Scores:
        """Return what scores all items for users, as the network stands."""
        with torch.no_grad():
            frozen = self.frozen()
        return lambda users: frozen.score(Queries.of_users(self.train, users), None)

    def kept(self) -> dict[str, Array]:
        """Return the arrays that every such network comes to."""
        with torch.no_grad():
            heads = np.concatenate([head.weight.cpu().numpy() for head in self.heads.values()])
        arrays: dict[str, Array] = {"heads": heads, "placed": self.placed, "known": self.degrees > 0}
        for name, outcome in self.outcomes.items():
            slopes = self.slopes[name].detach().cpu().numpy()
            arrays[f"items {name}"] = (outcome.usual + slopes[0] * outcome.levels.items).astype(np.float32)
            arrays[f"users {name}"] = (slopes[1] * outcome.levels.users).astype(np.float32)
            arrays[f"bounds {name}"] = np.array(outcome.bounds)
        return arrays
